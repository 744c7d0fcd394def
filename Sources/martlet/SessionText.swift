import Charts
import Primitives

/// Sessions and rounds as lines for a terminal.
enum SessionText {
  /// One line of a list.
  static func line(_ view: JSONValue) -> String {
    let id = view["session_id"]?.text ?? ""
    return "\(id.prefix(16))  \(text(view, "state"))  round \(text(view, "round"))"
      + "/\(text(view, "total_rounds"))  \(text(view, "name"))"
  }

  /// Everything about one session.
  static func page(_ view: JSONValue) -> String {
    var lines = [
      "session     \(text(view, "session_id"))", "name        \(text(view, "name"))",
      "state       \(text(view, "state"))",
      "round       \(text(view, "round")) of \(text(view, "total_rounds"))",
    ]
    if let waiting = view["waiting_for"]?.text { lines.append("waits for   \(waiting)") }
    if let accuracy = view["accuracy"]?.double { lines.append("accuracy    \(decimal(accuracy))") }
    lines.append("model cid   \(text(view, "model_cid"))")
    lines.append("model hash  \(text(view, "model_hash"))")
    lines.append("audit       \(audit(view))")
    if view["validator_wrong"] == true {
      lines.append("validator   WRONG about a rejected update, as a dispute has shown")
    }
    return lines.joined(separator: "\n")
  }

  private static func audit(_ view: JSONValue) -> String {
    let rate = view["audit_rate"]?.double ?? 0
    if rate >= 1 { return "every segment is replayed" }
    return "\(decimal(rate * 100)) % of the segments are replayed; an update of which a tenth is"
      + " false passes with probability \(decimal(view["miss_probability"]?.double ?? 1))"
  }

  /// One settled round; nil before it is settled and scored.
  static func round(_ view: JSONValue) -> String? {
    guard view["state"]?.text == "settled", let accuracy = view["accuracy"]?.double else {
      return nil
    }
    let updates = view["updates"]?.elements ?? []
    let rejected = updates.filter { $0["status"]?.text == "rejected" }
    let seconds = view["seconds"]?.double ?? 0
    return "round \(text(view, "round"))  accuracy \(decimal(accuracy))"
      + "  loss \(decimal(view["loss"]?.double ?? 0))  \(updates.count - rejected.count) accepted"
      + (rejected.isEmpty ? "" : ", \(rejected.count) rejected")
      + "  \(Int(seconds * 1_000)) ms"
      + (view["diverged"] == .bool(true) ? "  diverged: the learning rate is too large" : "")
  }

  /// How the dispute over a rejected update ended; nil while there is none.
  static func dispute(_ update: JSONValue) -> String? {
    guard let dispute = update["dispute"], dispute["state"]?.text == "settled" else { return nil }
    let wrong = dispute["wrong"]?.elements?.compactMap(\.text) ?? []
    let worker = update["worker_label"]?.text ?? ""
    let place = [
      dispute["step"]?.integer.map { "step \($0)" }, dispute["operator"]?.text,
      dispute["reason"]?.text ?? "nothing differs",
    ].compactMap { $0 }
    let who = wrong.contains("validator") ? "\(worker): the validator is wrong" : worker
    return "\(who) disputed: \(place.joined(separator: ", "))"
      + " (\(dispute["rounds"]?.integer ?? 0) rounds)"
  }

  /// Whether a rejected update is still under dispute.
  static func isDisputed(_ round: JSONValue) -> Bool {
    (round["updates"]?.elements ?? []).contains { $0["dispute"]?["state"]?.text == "open" }
  }

  /// Whether nothing more will happen.
  static func isOver(_ view: JSONValue) -> Bool {
    ["completed", "failed", "cancelled"].contains(view["state"]?.text ?? "")
  }

  /// Four digits behind the point.
  static func decimal(_ value: Double) -> String { Decimals.fixed(value, places: 4) }

  static func text(_ view: JSONValue, _ name: String) -> String {
    guard let value = view[name] else { return "" }
    return value.text ?? (value == .null ? "-" : value.text())
  }
}
