/// All metrics of one process or server, by name and labels.
public final class MetricsRegistry: Sendable {
  /// Label names and values in a fixed order.
  public typealias Labels = KeyValuePairs<String, String>

  /// Label sets of one name; more means a label holds something unbounded, such as a peer's id.
  private static let seriesPerNameMax = 1_000

  private enum Metric: Sendable {
    case counter(Counter)
    case gauge(Gauge)
    case histogram(Histogram)

    var kind: String {
      switch self {
      case .counter: "counter"
      case .gauge: "gauge"
      case .histogram: "histogram"
      }
    }
  }

  private struct Family: Sendable {
    var help: String
    var series: [String: Metric] = [:]
  }

  private let families = Lock<[String: Family]>([:])

  /// An empty registry.
  public init() {}

  /// The counter of this name and these labels, made at its first use.
  public func counter(_ name: String, help: String, labels: Labels = [:]) -> Counter {
    let metric = find(name, help, labels) { .counter(Counter()) }
    guard case .counter(let counter) = metric else { Self.refuse(name, metric.kind) }
    return counter
  }

  /// The gauge of this name and these labels, made at its first use.
  public func gauge(_ name: String, help: String, labels: Labels = [:]) -> Gauge {
    let metric = find(name, help, labels) { .gauge(Gauge()) }
    guard case .gauge(let gauge) = metric else { Self.refuse(name, metric.kind) }
    return gauge
  }

  /// The histogram of this name and these labels, made at its first use.
  public func histogram(
    _ name: String, help: String, bounds: [Double] = Histogram.secondsBounds,
    labels: Labels = [:]
  ) -> Histogram {
    let metric = find(name, help, labels) { .histogram(Histogram(bounds: bounds)) }
    guard case .histogram(let histogram) = metric else { Self.refuse(name, metric.kind) }
    return histogram
  }

  private static func refuse(_ name: String, _ kind: String) -> Never {
    preconditionFailure("metric \(name) is already a \(kind)")
  }

  private func find(
    _ name: String, _ help: String, _ labels: Labels, _ make: () -> Metric
  ) -> Metric {
    precondition(PrometheusText.isName(name), "metric name \(name)")
    let key = PrometheusText.labels(labels)
    return families.withLock { families in
      if let found = families[name]?.series[key] { return found }
      let made = make()
      let known = families[name]?.series.count ?? 0
      // Beyond the limit the metric works but is not listed: losing a figure beats losing memory.
      guard known < Self.seriesPerNameMax else { return made }
      families[name, default: Family(help: help)].series[key] = made
      return made
    }
  }

  /// Everything in the Prometheus text format, version 0.0.4, sorted by name and labels.
  public func prometheusText() -> String {
    let all = families.withLock { $0 }
    var text = ""
    for (name, family) in all.sorted(by: { $0.key < $1.key }) {
      let series = family.series.sorted { $0.key < $1.key }
      text += "# HELP \(name) \(PrometheusText.escapedHelp(family.help))\n"
      text += "# TYPE \(name) \(series.first?.value.kind ?? "untyped")\n"
      for (labels, metric) in series { text += Self.lines(name, labels, metric) }
    }
    return text
  }

  private static func lines(_ name: String, _ labels: String, _ metric: Metric) -> String {
    switch metric {
    case .counter(let counter): return "\(name)\(braced(labels)) \(counter.value)\n"
    case .gauge(let gauge):
      return "\(name)\(braced(labels)) \(PrometheusText.number(gauge.value))\n"
    case .histogram(let histogram):
      let snapshot = histogram.snapshot
      var text = ""
      var cumulative: UInt64 = 0
      let edges = histogram.bounds.map(PrometheusText.number) + ["+Inf"]
      for (edge, count) in zip(edges, snapshot.counts) {
        cumulative += count
        let separator = labels.isEmpty ? "" : ","
        text += "\(name)_bucket{\(labels)\(separator)le=\"\(edge)\"} \(cumulative)\n"
      }
      text += "\(name)_sum\(braced(labels)) \(PrometheusText.number(snapshot.sum))\n"
      text += "\(name)_count\(braced(labels)) \(cumulative)\n"
      return text
    }
  }

  private static func braced(_ labels: String) -> String {
    labels.isEmpty ? "" : "{\(labels)}"
  }
}

/// Spelling rules of the Prometheus text format.
enum PrometheusText {
  static func isName(_ name: String) -> Bool {
    guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
    return name.utf8.allSatisfy {
      (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
        || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ":")
    }
  }

  static func labels(_ labels: MetricsRegistry.Labels) -> String {
    labels.map { name, value in
      precondition(isName(name) && !name.contains(":"), "label name \(name)")
      return "\(name)=\"\(escapedLabel(value))\""
    }.joined(separator: ",")
  }

  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    if value == value.rounded(), abs(value) < 1e15 { return "\(Int64(value))" }
    return "\(value)"
  }

  static func escapedHelp(_ text: String) -> String {
    escaped(text, quotes: false)
  }

  static func escapedLabel(_ text: String) -> String {
    escaped(text, quotes: true)
  }

  private static func escaped(_ text: String, quotes: Bool) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\"" where quotes: result += "\\\""
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
