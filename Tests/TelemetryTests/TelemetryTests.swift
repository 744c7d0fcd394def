import Telemetry
import Testing

@Suite("telemetry")
struct TelemetryTests {
  @Test("a log line names its values and a value cannot forge a line")
  func logLine() {
    let records = Lock<[LogRecord]>([])
    let log = Log(source: "rpc", level: .info) { record in records.withLock { $0.append(record) } }
    log(.debug, "not written")
    log(
      .warning, "peer left",
      ["peer": "a b", "count": 3, "reason": "x\nlevel=error \"q\"", "empty": ""])
    let lines = records.withLock { $0.map(\.text) }
    #expect(lines.count == 1)
    let expected =
      #" level=warning source=rpc message="peer left" peer="a b" count=3 "#
      + #"reason="x\nlevel=error \"q\"" empty="""#
    #expect(lines.first?.hasSuffix(expected) == true)
    #expect(lines.first?.hasPrefix("time=1") == true)
  }

  @Test("the Prometheus text is sorted, escaped and cumulative")
  func prometheus() {
    let registry = MetricsRegistry()
    registry.gauge("b_level", help: "A level.").set(1.5)
    registry.counter("a_total", help: "All\nof it.", labels: ["route": "/x\"\\\n"]).increment(by: 2)
    registry.counter("a_total", help: "All of it.", labels: ["route": "/"]).increment()
    registry.counter("a_total", help: "All of it.", labels: ["route": "/"]).increment()
    let histogram = registry.histogram("c_seconds", help: "Time.", bounds: [0.5, 1])
    for value in [0.25, 0.5, 0.75, 2] { histogram.observe(value) }
    #expect(
      registry.prometheusText() == #"""
        # HELP a_total All\nof it.
        # TYPE a_total counter
        a_total{route="/"} 2
        a_total{route="/x\"\\\n"} 2
        # HELP b_level A level.
        # TYPE b_level gauge
        b_level 1.5
        # HELP c_seconds Time.
        # TYPE c_seconds histogram
        c_seconds_bucket{le="0.5"} 2
        c_seconds_bucket{le="1"} 3
        c_seconds_bucket{le="+Inf"} 4
        c_seconds_sum 3.5
        c_seconds_count 4

        """#)
  }

  @Test("a lock lets one thread in at a time")
  func lock() {
    let count = Lock(0)
    let threads = (0..<4).map { index in
      NamedThread("lock-\(index)") {
        for _ in 0..<10_000 { count.withLock { $0 += 1 } }
      }
    }
    for thread in threads { thread.join() }
    #expect(count.withLock { $0 } == 40_000)
  }
}
