public import Primitives

/// The rpc protocol of Martlet nodes; the format stands in docs/specs/rpc.md.
public enum RPCProtocol {
  /// The protocol both sides name on each stream. A stream is one call.
  public static let protocolID = "/martlet/rpc/1.0.0"
}

/// Limits of one rpc call.
public enum RPCLimits {
  /// A request or response; larger things travel as a streamed body.
  public static let messageBytesMax = 4 * 1_024 * 1_024
  /// One piece of a streamed body, the largest block of the content store twice over.
  public static let chunkBytesMax = 2 * 1_024 * 1_024
  /// Characters of a method, an error code.
  static let nameBytesMax = 128
  /// Characters of an error's message or hint.
  static let textBytesMax = 4_096
  /// Calls of one peer that are answered at the same time; further ones are told `busy`.
  public static let inboundCallsMax = 128
  /// The longest deadline a caller can ask for: an hour.
  static let deadlineMillisecondsMax: UInt64 = 3_600_000
}

/// What a caller asks.
public struct RPCRequest: Equatable, Sendable {
  /// The method, such as `training/assign`.
  public var method: String
  /// The argument, canonical bytes by convention.
  public var body: Bytes
  /// How long the caller waits, counted from the arrival of the request.
  public var deadline: Duration
  /// Whether chunks follow the request.
  public var isStreamed: Bool

  /// A request.
  public init(
    method: String, body: Bytes = [], deadline: Duration = .seconds(10), isStreamed: Bool = false
  ) {
    self.method = method
    self.body = body
    self.deadline = deadline
    self.isStreamed = isStreamed
  }
}

/// Why a call was refused, in the words of the side that refused it.
public struct RPCError: Error, Equatable, Sendable {
  /// A stable word for programs, such as `not_found`.
  public var code: String
  /// What happened, for people.
  public var message: String
  /// What to do next; empty when nobody knows.
  public var hint: String

  /// An error; texts beyond the limits are cut.
  public init(code: String, message: String, hint: String = "") {
    self.code = Self.cut(code, to: RPCLimits.nameBytesMax)
    self.message = Self.cut(message, to: RPCLimits.textBytesMax)
    self.hint = Self.cut(hint, to: RPCLimits.textBytesMax)
  }

  private static func cut(_ text: String, to limit: Int) -> String {
    guard text.utf8.count > limit else { return text }
    var cut = ""
    for character in text {
      guard cut.utf8.count + String(character).utf8.count <= limit else { break }
      cut.append(character)
    }
    return cut
  }
}

/// What the called side answers.
public enum RPCResponse: Equatable, Sendable {
  /// The result; chunks follow where `isStreamed`.
  case success(Bytes, isStreamed: Bool = false)
  /// A refusal.
  case failure(RPCError)
}

extension RPCRequest: CanonicalCodable {
  /// A map of `body`, `deadline` (milliseconds), `method`, `streamed`.
  public var canonicalValue: CanonicalValue {
    .map([
      "method": .text(method), "body": .bytes(body), "streamed": .bool(isStreamed),
      "deadline": .unsigned(deadline.wholeMilliseconds),
    ])
  }

  /// Reads the map; other fields are refused.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    method = try fields.text("method")
    guard method.utf8.count <= RPCLimits.nameBytesMax else {
      throw .tooLarge(
        what: "method", size: method.utf8.count, limit: RPCLimits.nameBytesMax)
    }
    body = try fields.bytes("body")
    let milliseconds = try fields.unsigned("deadline")
    guard milliseconds <= RPCLimits.deadlineMillisecondsMax else {
      throw .tooLarge(
        what: "deadline", size: Int(clamping: milliseconds),
        limit: Int(RPCLimits.deadlineMillisecondsMax))
    }
    deadline = .milliseconds(milliseconds)
    isStreamed = try fields.bool("streamed")
    try fields.finish()
  }
}

extension RPCError: CanonicalCodable {
  /// A map of `code`, `hint` and `message`.
  public var canonicalValue: CanonicalValue {
    .map(["code": .text(code), "message": .text(message), "hint": .text(hint)])
  }

  /// Reads the map; longer texts than ours and other fields are refused.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    code = try Self.text("code", of: &fields, limit: RPCLimits.nameBytesMax)
    message = try Self.text("message", of: &fields, limit: RPCLimits.textBytesMax)
    hint = try Self.text("hint", of: &fields, limit: RPCLimits.textBytesMax)
    try fields.finish()
  }

  private static func text(
    _ name: String, of fields: inout CanonicalFields, limit: Int
  ) throws(DecodingFailure) -> String {
    let text = try fields.text(name)
    guard text.utf8.count <= limit else {
      throw .tooLarge(what: name, size: text.utf8.count, limit: limit)
    }
    return text
  }
}

extension RPCResponse: CanonicalCodable {
  /// A map of `ok` and `streamed`, or of `error`.
  public var canonicalValue: CanonicalValue {
    switch self {
    case .success(let body, let isStreamed):
      .map(["ok": .bytes(body), "streamed": .bool(isStreamed)])
    case .failure(let error):
      .map(["error": error.canonicalValue])
    }
  }

  /// Reads the map; other fields are refused.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    if let error = fields.optional("error") {
      self = .failure(try RPCError(canonicalValue: error))
    } else {
      self = .success(try fields.bytes("ok"), isStreamed: try fields.bool("streamed"))
    }
    try fields.finish()
  }
}

extension Duration {
  /// Whole milliseconds, at least 1 for anything above zero, capped at the longest deadline.
  var wholeMilliseconds: UInt64 {
    let (seconds, attoseconds) = components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    let attosecondsPerMillisecond: Int64 = 1_000_000_000_000_000
    let fraction = UInt64((attoseconds + attosecondsPerMillisecond - 1) / attosecondsPerMillisecond)
    let secondsMax = RPCLimits.deadlineMillisecondsMax / 1_000
    guard UInt64(seconds) < secondsMax else { return RPCLimits.deadlineMillisecondsMax }
    return UInt64(seconds) * 1_000 + fraction
  }
}
