import Primitives

/// What a running node says of its peers, for people.
enum PeerReport {
  // MARK: peers

  /// Who is connected, what is in use of each limit, and who was turned away.
  static func peers(_ report: JSONValue) -> String {
    let peers = (report["peers"]?.elements ?? []).map { peer -> [String] in
      [
        text(peer, "peer_id"), text(peer, "direction"), text(peer, "address"),
        text(peer, "agent"), words(peer["tags"]).joined(separator: " "),
      ]
    }
    var lines = [
      "This node is \(text(report, "peer_id")).",
      "It is connected to \(count(peers.count, "peer")) and knows "
        + "\(count(report["known"]?.integer ?? 0, "peer")).",
    ]
    if !peers.isEmpty {
      lines += ["", table(["PEER", "DIRECTION", "ADDRESS", "SOFTWARE", "MARKS"], peers)]
    }
    lines += ["", "In use of each limit:", limits(report["limits"])]
    let streams = (report["streams"]?.elements ?? []).map {
      "  \(text($0, "protocol")): \($0["count"]?.integer ?? 0)"
    }
    if !streams.isEmpty { lines += ["", "Streams that peers opened:"] + streams }
    let refused = (report["refused"]?.elements ?? []).map(said)
    if !refused.isEmpty { lines += ["", "Lately turned away:"] + refused }
    return lines.joined(separator: "\n")
  }

  // MARK: why

  /// Why a peer is treated as it is, in sentences.
  static func why(_ report: JSONValue) -> String {
    guard report["known"]?.bool == true else {
      return """
        \(text(report, "peer_id")) is not known here: nobody named it and it never connected.
        Would it be dialled? \(sentence(text(report, "would_dial")))
        """
    }
    let connected = report["connected"]?.bool == true
    var lines = [
      "\(text(report, "peer_id")) is \(connected ? "connected" : "known, but not connected").",
      "Would it be dialled? \(sentence(text(report, "would_dial")))",
      "Lists of allowed and denied peers: it is \(text(report, "list")).",
    ]
    let tags = words(report["tags"])
    if !tags.isEmpty {
      lines.append("It is marked \(tags.joined(separator: ", ")), so it is forgotten last.")
    }
    let sequence = report["signed_record"]?.integer ?? 0
    lines.append(
      sequence == 0
        ? "It has not signed where it is."
        : "It signed where it is: record \(sequence).")
    lines += [""] + addresses(report["addresses"])
    if let gossip = report["gossip"] { lines += [""] + score(gossip) }
    lines += ["", "In use of the limits of each peer:", limits(report["limits"])]
    let decisions = (report["decisions"]?.elements ?? []).map(said)
    lines += [""]
    lines += decisions.isEmpty ? ["Nothing was decided about it lately."] : ["What happened:"]
    return (lines + decisions).joined(separator: "\n")
  }

  private static func addresses(_ value: JSONValue?) -> [String] {
    let known = value?.elements ?? []
    guard !known.isEmpty else { return ["No address of it is known."] }
    return ["Its addresses, the best first:"]
      + known.map { address in
        var line = "  \(text(address, "address")): \(origin(text(address, "source")))"
        let failures = address["failures"]?.integer ?? 0
        let wait = address["dialled_again_in_ms"]?.integer ?? 0
        if failures > 0 {
          line += "; \(count(failures, "dial")) failed"
          line += wait > 0 ? ", tried again in \(time(wait))" : ", may be tried again"
        }
        return line + "; believed for \(time(address["believed_for_ms"]?.integer ?? 0))"
      }
  }

  private static func origin(_ source: String) -> String {
    switch source {
    case "connected": "a connection was made to it"
    case "configured": "from the settings"
    case "signed": "the peer signed it"
    case "identified": "the peer said it"
    case "discovered": "found on the local network"
    default: "somebody else said it"
    }
  }

  private static func score(_ gossip: JSONValue) -> [String] {
    let total = rounded(gossip["score"]?.double ?? 0)
    var lines = ["Its score in gossip is \(total): \(text(gossip, "rights_text"))."]
    lines += (gossip["parts"]?.elements ?? []).map {
      "  \(rounded($0["points"]?.double ?? 0)) for \(text($0, "meaning")) (\(text($0, "part")))"
    }
    let meshes = words(gossip["mesh_topics"])
    lines.append(
      meshes.isEmpty
        ? "It shares no mesh with us." : "It is in our mesh of \(meshes.joined(separator: ", ")).")
    let (queued, dropped) = (
      gossip["queued_bytes"]?.integer ?? 0, gossip["dropped_bytes"]?.integer ?? 0
    )
    if queued > 0 { lines.append("\(bytes(queued)) wait to be sent to it.") }
    if dropped > 0 { lines.append("\(bytes(dropped)) were not sent, since it takes too little.") }
    lines += (gossip["refusals"]?.elements ?? []).map {
      "It was refused \(count($0["count"]?.integer ?? 0, "time")): \(text($0, "name"))."
    }
    return lines
  }

  // MARK: bandwidth

  /// Bytes in all and by protocol, the busiest first.
  static func bandwidth(_ report: JSONValue) -> String {
    let (received, sent) = (report["received"]?.integer ?? 0, report["sent"]?.integer ?? 0)
    let rows = (report["protocols"]?.elements ?? []).map { row in
      (text(row, "protocol"), row["received"]?.integer ?? 0, row["sent"]?.integer ?? 0)
    }.sorted { $0.1 + $0.2 > $1.1 + $1.2 }
    let total = "Over all connections: \(bytes(received)) received, \(bytes(sent)) sent."
    guard !rows.isEmpty else { return total }
    return total + "\n\n"
      + table(["PROTOCOL", "RECEIVED", "SENT"], rows.map { [$0.0, bytes($0.1), bytes($0.2)] })
  }
}

// MARK: - Words

extension PeerReport {
  private static func text(_ value: JSONValue, _ name: String) -> String {
    value[name]?.text ?? ""
  }

  private static func words(_ value: JSONValue?) -> [String] {
    (value?.elements ?? []).compactMap(\.text)
  }

  private static func said(_ decision: JSONValue) -> String {
    "  \(time(decision["ms_ago"]?.integer ?? 0)) ago: \(sentence(text(decision, "what")))"
  }

  private static func sentence(_ text: String) -> String {
    text.prefix(1).uppercased() + text.dropFirst() + "."
  }

  private static func limits(_ value: JSONValue?) -> String {
    table(
      nil,
      (value?.elements ?? []).map {
        let (used, limit) = ($0["used"]?.integer ?? 0, $0["limit"]?.integer ?? 0)
        let isBytes = text($0, "name").hasSuffix("bytes")
        let share = limit > 0 ? "\(used * 100 / limit) %" : ""
        return [
          "  " + text($0, "name"), isBytes ? bytes(used) : "\(used)", "of",
          isBytes ? bytes(limit) : "\(limit)", share,
        ]
      })
  }

  private static func count(_ number: Int, _ noun: String) -> String {
    "\(number) \(noun)\(number == 1 ? "" : "s")"
  }

  private static func count(_ number: Int64, _ noun: String) -> String {
    count(Int(number), noun)
  }

  private static func bytes(_ number: Int64) -> String {
    guard number >= 10_000 else { return "\(number) B" }
    let units = ["kB", "MB", "GB", "TB"]
    var value = Double(number) / 1_000
    var unit = 0
    while value >= 10_000, unit + 1 < units.count {
      value /= 1_000
      unit += 1
    }
    return "\(Int(value.rounded())) \(units[unit])"
  }

  private static func time(_ milliseconds: Int64) -> String {
    if milliseconds < 10_000 { return "\(milliseconds) ms" }
    let seconds = milliseconds / 1_000
    if seconds < 600 { return "\(seconds) s" }
    return seconds < 36_000 ? "\(seconds / 60) min" : "\(seconds / 3_600) h"
  }

  private static func rounded(_ points: Double) -> String {
    let hundredths = Int((min(max(points, -1e12), 1e12) * 100).rounded())
    let (whole, part) = (abs(hundredths) / 100, abs(hundredths) % 100)
    let digits =
      part == 0 ? "" : part % 10 == 0 ? ".\(part / 10)" : ".\(part < 10 ? "0" : "")\(part)"
    return "\(hundredths < 0 ? "-" : "")\(whole)\(digits)"
  }

  /// Columns as wide as their widest cell.
  private static func table(_ head: [String]?, _ rows: [[String]]) -> String {
    let all = (head.map { [$0] } ?? []) + rows
    guard let columns = all.map(\.count).max() else { return "" }
    let widths = (0..<columns).map { column in
      all.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return all.map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        line += cell
        guard column + 1 < row.count else { break }
        line += String(repeating: " ", count: widths[column] - cell.count + 2)
      }
      while line.last == " " { line.removeLast() }
      return line
    }.joined(separator: "\n")
  }
}
