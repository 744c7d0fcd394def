/// How much JSON a reader accepts.
public enum JSONLimits {
  /// A model configuration or request body of 1 MiB is already far beyond every real one.
  public static let bytesMax = 1 << 20
  /// Deep enough for every document of ours, shallow enough for any stack.
  public static let depthMax = 64
}

extension JSONValue {
  /// Reads one document; repeated names, lone surrogates and text behind the end are errors.
  public init(parsing bytes: Bytes, bytesMax: Int = JSONLimits.bytesMax) throws(DecodingFailure) {
    guard bytes.count <= bytesMax else {
      throw .tooLarge(what: "JSON", size: bytes.count, limit: bytesMax)
    }
    var scanner = JSONScanner(bytes, what: "JSON", place: .line)
    self = try Self.value(&scanner, depth: 0)
    try scanner.finish("the JSON document")
  }

  private static func value(
    _ scanner: inout JSONScanner, depth: Int
  ) throws(DecodingFailure) -> JSONValue {
    guard depth < JSONLimits.depthMax else { throw scanner.malformed("nested too deeply") }
    switch try scanner.kind() {
    case .object: return .object(try object(&scanner, depth: depth))
    case .array: return .array(try array(&scanner, depth: depth))
    case .string: return .string(try scanner.string())
    case .number: return try number(&scanner)
    case .bool(let flag): return .bool(flag)
    case .null: return .null
    }
  }

  private static func object(
    _ scanner: inout JSONScanner, depth: Int
  ) throws(DecodingFailure) -> [Member] {
    var members: [Member] = []
    var names: Set<String> = []
    try scanner.object { (scanner, name) throws(DecodingFailure) in
      guard names.insert(name).inserted else {
        throw scanner.malformed("the name `\(name)` repeats")
      }
      members.append(Member(name, try value(&scanner, depth: depth + 1)))
    }
    return members
  }

  private static func array(
    _ scanner: inout JSONScanner, depth: Int
  ) throws(DecodingFailure) -> [JSONValue] {
    var elements: [JSONValue] = []
    try scanner.array { (scanner) throws(DecodingFailure) in
      elements.append(try value(&scanner, depth: depth + 1))
    }
    return elements
  }

  private static func number(
    _ scanner: inout JSONScanner
  ) throws(DecodingFailure) -> JSONValue {
    let (text, isInteger) = try scanner.number()
    if isInteger, let integer = Int64(text) { return .integer(integer) }
    guard let number = Double(text), number.isFinite else {
      throw scanner.malformed("a number too large")
    }
    return .number(number)
  }
}
