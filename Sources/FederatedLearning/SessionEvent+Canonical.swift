internal import Cryptography
public import Primitives

extension Assignment: CanonicalCodable {
  /// A map of round, client, attempt and worker.
  public var canonicalValue: CanonicalValue {
    .map([
      "round": .unsigned(UInt64(round)), "client": .unsigned(UInt64(client)),
      "attempt": .unsigned(UInt64(attempt)), "worker": worker.canonicalValue,
    ])
  }

  /// Reads the map back.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    round = try fields.count("round", max: SessionLimits.roundsMax)
    client = try fields.count("client", max: SessionLimits.clientsMax)
    attempt = try fields.count("attempt", max: SessionLimits.clientsMax)
    worker = try fields.nested("worker")
    try fields.finish()
  }
}

extension Update: CanonicalCodable {
  /// A map of assignment, parameters and work root.
  public var canonicalValue: CanonicalValue {
    .map([
      "assignment": assignment.canonicalValue, "parameters": parameters.canonicalValue,
      "workRoot": workRoot.canonicalValue,
    ])
  }

  /// Reads the map back.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    assignment = try fields.nested("assignment")
    parameters = try fields.nested("parameters")
    workRoot = try fields.nested("workRoot")
    try fields.finish()
  }
}

extension SessionEvent: CanonicalCodable {
  /// A map with `kind` and the case's values; floats travel as their bit patterns.
  public var canonicalValue: CanonicalValue {
    switch self {
    case .started(let now): Self.record("started", now)
    case .restarted(let now): Self.record("restarted", now)
    case .workerJoined(let worker, let now):
      Self.record("workerJoined", now, ["worker": worker.canonicalValue])
    case .workerLeft(let worker, let now):
      Self.record("workerLeft", now, ["worker": worker.canonicalValue])
    case .updateReceived(let update, let now):
      Self.record("updateReceived", now, ["update": update.canonicalValue])
    case .workFailed(let assignment, let reason, let now):
      Self.record(
        "workFailed", now, ["assignment": assignment.canonicalValue, "reason": .text(reason)])
    case .updateAccepted(let assignment, let now):
      Self.record("updateAccepted", now, ["assignment": assignment.canonicalValue])
    case .updateRejected(let assignment, let reason, let now):
      Self.record(
        "updateRejected", now, ["assignment": assignment.canonicalValue, "reason": .text(reason)])
    case .aggregated(let round, let model):
      Self.record(
        "aggregated", nil, ["round": .unsigned(UInt64(round)), "model": model.canonicalValue])
    case .settled(let round, let now):
      Self.record("settled", now, ["round": .unsigned(UInt64(round))])
    case .evaluated(let round, let score):
      Self.record(
        "evaluated", nil,
        [
          "round": .unsigned(UInt64(round)),
          "accuracyBits": .unsigned(UInt64(score.accuracy.bitPattern)),
          "lossBits": .unsigned(UInt64(score.loss.bitPattern)),
        ])
    case .tick(let now): Self.record("tick", now)
    case .cancelled: Self.record("cancelled", nil)
    }
  }

  private static func record(
    _ kind: String, _ now: Tick?, _ values: [String: CanonicalValue] = [:]
  ) -> CanonicalValue {
    var entries = values
    entries["kind"] = .text(kind)
    if let now { entries["now"] = .unsigned(now.nanoseconds) }
    return .map(entries)
  }

  /// Reads the map back.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    let kind = try fields.text("kind")
    self = try Self.read(kind, &fields)
    try fields.finish()
  }

  private static func read(
    _ kind: String, _ fields: inout CanonicalFields
  ) throws(DecodingFailure) -> SessionEvent {
    switch kind {
    case "started": return .started(now: try now(&fields))
    case "restarted": return .restarted(now: try now(&fields))
    case "workerJoined": return .workerJoined(try fields.nested("worker"), now: try now(&fields))
    case "workerLeft": return .workerLeft(try fields.nested("worker"), now: try now(&fields))
    case "updateReceived":
      return .updateReceived(try fields.nested("update"), now: try now(&fields))
    case "workFailed":
      return .workFailed(
        try fields.nested("assignment"), reason: try fields.text("reason"), now: try now(&fields))
    case "updateAccepted":
      return .updateAccepted(try fields.nested("assignment"), now: try now(&fields))
    case "updateRejected":
      return .updateRejected(
        try fields.nested("assignment"), reason: try fields.text("reason"), now: try now(&fields))
    case "aggregated":
      return .aggregated(round: try round(&fields), model: try fields.nested("model"))
    case "settled": return .settled(round: try round(&fields), now: try now(&fields))
    case "evaluated": return try evaluated(&fields)
    case "tick": return .tick(now: try now(&fields))
    case "cancelled": return .cancelled
    default: throw .malformed(what: "session event", reason: "unknown kind `\(kind)`")
    }
  }

  private static func evaluated(
    _ fields: inout CanonicalFields
  ) throws(DecodingFailure) -> SessionEvent {
    let number = try round(&fields)
    let accuracy = try fields.count("accuracyBits", max: Int(UInt32.max))
    let loss = try fields.count("lossBits", max: Int(UInt32.max))
    return .evaluated(
      round: number,
      RoundScore(
        accuracy: Float(bitPattern: UInt32(accuracy)), loss: Float(bitPattern: UInt32(loss))))
  }

  private static func now(_ fields: inout CanonicalFields) throws(DecodingFailure) -> Tick {
    Tick(nanoseconds: try fields.unsigned("now"))
  }

  private static func round(_ fields: inout CanonicalFields) throws(DecodingFailure) -> Int {
    try fields.count("round", max: SessionLimits.roundsMax)
  }
}
