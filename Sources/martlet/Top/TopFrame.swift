import Primitives

/// One picture of a running node, as lines of text: the same report gives the same lines.
struct TopFrame: Sendable {
  /// What a rate is measured from: the report before this one.
  struct Before: Sendable {
    let report: JSONValue
    let seconds: Double
  }

  /// Bytes a second, the latest last.
  struct Rates: Sendable {
    /// A graph of a wide terminal.
    static let countMax = 240

    private(set) var received: [Double] = []
    private(set) var sent: [Double] = []

    mutating func add(received new: Double, sent newSent: Double) {
      received = (received + [new]).suffix(Self.countMax)
      sent = (sent + [newSent]).suffix(Self.countMax)
    }
  }

  let report: JSONValue
  let before: Before?
  let rates: Rates
  let columns: Int
  let isUnicode: Bool

  /// Lines for a screen of so many rows; what does not fit is counted at its place.
  func lines(rows: Int) -> [String] {
    let head = header + traffic + table + budget + work + refusals
    let room = max(Self.peersMin, rows - head.count - 2)
    return (head + peers(room)).map { String($0.prefix(columns)) }
  }

  /// Peers that are shown on the smallest screen.
  private static let peersMin = 3
  private static let refusalsShown = 3

  private func text(_ name: String) -> String { report[name]?.text ?? "" }
  private func number(_ value: JSONValue?, _ name: String) -> Int {
    Int(value?[name]?.integer ?? 0)
  }

  private var header: [String] {
    let network = report["network"]
    let name = network?["network"]?.text ?? ""
    let reach = network?["reachability"]?.text ?? "unknown"
    return [
      "node \(text("peer_id"))" + (name.isEmpty ? "" : "  network \(name)"),
      "\(Plural.text(number(report, "connected"), "peer")) connected, "
        + "\(number(report, "known")) known, "
        + "reachability \(reach)",
    ]
  }

  // MARK: Traffic

  private var traffic: [String] {
    [
      graph("in", rates.received, total: number(report, "received")),
      graph("out", rates.sent, total: number(report, "sent")),
    ]
  }

  private func graph(_ name: String, _ rates: [Double], total: Int) -> String {
    let now = "\(Self.size(rates.last ?? 0))/s"
    let label = "\(Self.padded(name, 4))\(Self.padded(now, 12))"
    let end = "  \(Self.size(Double(total))) in all"
    let width = max(0, columns - label.count - end.count)
    return label + Self.bars(rates.suffix(width), isUnicode: isUnicode) + end
  }

  /// A column of eight heights for each value, or a digit where the terminal shows no more.
  static func bars(_ values: some Collection<Double>, isUnicode: Bool) -> String {
    let heights: [Character] = isUnicode ? Array("▁▂▃▄▅▆▇█") : Array("_.:-=+*#")
    let top = values.max() ?? 0
    return String(
      values.map { value in
        guard top > 0 else { return heights[0] }
        return heights[min(heights.count - 1, Int(value / top * Double(heights.count)))]
      })
  }

  // MARK: The table of peers, the budget, the work

  private var table: [String] {
    guard let dht = report["dht"], dht.members != nil else { return [] }
    let buckets = (dht["buckets"]?.elements ?? []).map { Double($0.integer ?? 0) }
    let serving = dht["serving"]?.bool == true ? "serving" : "asking only"
    return [
      "dht \(Plural.text(number(dht, "peers"), "peer")) of about "
        + "\(number(dht, "network_peers")), \(serving), "
        + "\(number(dht, "provider_records")) records kept  "
        + Self.bars(buckets, isUnicode: isUnicode)
    ]
  }

  private var budget: [String] {
    let limits = (report["limits"]?.elements ?? []).map { row in
      let isBytes = row["name"]?.text?.hasSuffix("bytes") == true
      let values = ["used", "limit"].map { name in
        let value = number(row, name)
        return isBytes ? Self.size(Double(value)) : "\(value)"
      }
      return "\(row["name"]?.text ?? "") \(values[0])/\(values[1])"
    }
    return limits.isEmpty ? [] : ["budget \(limits.joined(separator: ", "))"]
  }

  private var work: [String] {
    guard let work = report["work"], let role = work["role"]?.text else { return [] }
    guard let session = work["session"]?.text else { return ["work \(role), waiting for an order"] }
    return [
      "work \(role), session \(session.prefix(16)), round \(number(work, "round")), "
        + "client \(number(work, "client")), \(number(work, "waiting")) more waiting"
    ]
  }

  private var refusals: [String] {
    let all = report["refusals"]?.elements ?? []
    return all.suffix(Self.refusalsShown).map {
      "refused \(number($0, "ms_ago") / 1_000) s ago: \($0["what"]?.text ?? "")"
    }
  }

  // MARK: Peers

  private func peers(_ room: Int) -> [String] {
    let rows = report["peers"]?.elements ?? []
    guard !rows.isEmpty else { return ["", "no peer is connected"] }
    let shown = rows.count > room ? max(1, room - 1) : rows.count
    let busiest = rows.map { ($0, rate(of: $0)) }
      .sorted {
        ($0.1.in + $0.1.out, $0.0["peer_id"]?.text ?? "") > (
          $1.1.in + $1.1.out, $1.0["peer_id"]?.text ?? ""
        )
      }
    let table = TextTable.lines(
      ["PEER", "DIR", "LATENCY", "IN", "OUT", "STREAMS", "SCORE", "TAGS", "AGENT"],
      busiest.prefix(shown).map { row, rate in cells(row, rate) })
    let rest = rows.count - shown
    return [""] + table + (rest > 0 ? ["… and \(rest) more"] : [])
  }

  private func cells(_ row: JSONValue, _ rate: (in: Double, out: Double)) -> [String] {
    let id = row["peer_id"]?.text ?? ""
    let isOutbound = row["direction"]?.text == "outbound"
    let direction = (isOutbound ? "out" : "in") + (row["relayed"]?.bool == true ? " relay" : "")
    let time = row["round_trip_us"]?.double.map { "\(($0 / 100).rounded() / 10) ms" } ?? "-"
    let tags = (row["tags"]?.elements ?? []).compactMap(\.text).joined(separator: ",")
    return [
      "…\(id.suffix(12))", direction, time, "\(Self.size(rate.in))/s", "\(Self.size(rate.out))/s",
      "\(number(row, "streams"))",
      row["score"]?.double.map { "\(($0 * 10).rounded() / 10)" } ?? "-",
      tags.isEmpty ? "-" : tags, PeerText.plain(row["agent"]?.text ?? ""),
    ]
  }

  /// Bytes a second since the report before; 0 for a peer that was not there.
  private func rate(of row: JSONValue) -> (in: Double, out: Double) {
    guard let before, before.seconds > 0 else { return (0, 0) }
    let old = (before.report["peers"]?.elements ?? []).first {
      $0["peer_id"]?.text == row["peer_id"]?.text
    }
    guard let old else { return (0, 0) }
    func difference(_ name: String) -> Double {
      Double(max(0, number(row, name) - number(old, name))) / before.seconds
    }
    return (difference("received"), difference("sent"))
  }

  private static func size(_ bytes: Double) -> String {
    "\(ByteCount(Int(exactly: bytes.rounded()) ?? 0))"
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }
}
