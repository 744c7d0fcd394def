public import Primitives

/// How text becomes tokens.
public enum Vocabulary: Hashable, Sendable {
  /// One token a Unicode scalar, numbered by its place in this rising list.
  case characters([Unicode.Scalar])
  /// Byte-level pair encoding.
  case pairs(BytePairEncoding)

  /// All of Unicode's assigned characters would make any model useless; 8,192 hold every script of
  /// a language.
  public static let charactersMax = 8_192
  /// The text of one model, 1 GiB as UTF-8.
  public static let textBytesMax = 1 << 30

  /// The number of different tokens.
  public var size: Int {
    switch self {
    case .characters(let list): list.count
    case .pairs(let encoding): encoding.size
    }
  }

  /// The scalars that occur in a text.
  public static func characters(of text: Bytes) throws(DatasetError) -> Vocabulary {
    let scalars = Set(try validText(text).unicodeScalars).sorted()
    guard !scalars.isEmpty else { throw .empty }
    guard scalars.count <= charactersMax else {
      throw .vocabulary("\(scalars.count) different characters, the limit is \(charactersMax)")
    }
    return .characters(scalars)
  }

  /// The tokens of a text.
  public func encode(_ text: Bytes) throws(DatasetError) -> [Int32] {
    switch self {
    case .pairs(let encoding): return encoding.encode(text)
    case .characters(let list):
      var numbers: [Unicode.Scalar: Int32] = [:]
      for (index, scalar) in list.enumerated() { numbers[scalar] = Int32(index) }
      var tokens: [Int32] = []
      tokens.reserveCapacity(text.count)
      var offset = 0
      for scalar in try validText(text).unicodeScalars {
        guard let token = numbers[scalar] else {
          throw .unknownCharacter(String(scalar), offset: offset)
        }
        tokens.append(token)
        offset += UTF8.width(scalar)
      }
      return tokens
    }
  }

  /// The text of tokens; a token beyond the vocabulary is left out.
  public func decode(_ tokens: some Sequence<Int32>) -> Bytes {
    switch self {
    case .pairs(let encoding): return encoding.decode(tokens)
    case .characters(let list):
      return tokens.flatMap { token in
        list.indices.contains(Int(token)) ? Bytes(String(list[Int(token)]).utf8) : []
      }
    }
  }

  /// `{"kind": "characters", "characters": "…"}`, or `{"kind": "pairs", "merges": [[left, right],
  /// …]}`.
  public var json: JSONValue {
    switch self {
    case .characters(let list):
      var text = String.UnicodeScalarView()
      text.append(contentsOf: list)
      return ["kind": "characters", "characters": .string(String(text))]
    case .pairs(let encoding):
      return [
        "kind": "pairs",
        "merges": .array(
          encoding.merges.map { [JSONValue($0.left), JSONValue($0.right)] }),
      ]
    }
  }

  /// Reads what `json` wrote, and nothing else.
  public init(json: JSONValue) throws(DatasetError) {
    guard json.members?.count == 2, let kind = json["kind"]?.text else {
      throw .vocabulary("expected a kind and its list")
    }
    switch kind {
    case "characters":
      guard let text = json["characters"]?.text else { throw .vocabulary("no characters") }
      let scalars = Array(text.unicodeScalars)
      guard (1...Self.charactersMax).contains(scalars.count),
        zip(scalars, scalars.dropFirst()).allSatisfy({ $0 < $1 })
      else { throw .vocabulary("characters must rise") }
      self = .characters(scalars)
    case "pairs":
      guard let list = json["merges"]?.elements else { throw .vocabulary("no merges") }
      var merges: [BytePairEncoding.Pair] = []
      for element in list {
        guard let pair = element.elements, pair.count == 2,
          let left = pair[0].integer.flatMap({ Int32(exactly: $0) }),
          let right = pair[1].integer.flatMap({ Int32(exactly: $0) })
        else { throw .vocabulary("a merge is a pair of token numbers") }
        merges.append(.init(left: left, right: right))
      }
      self = .pairs(try BytePairEncoding(merges: merges))
    default: throw .vocabulary("the kind `\(kind)` is unknown")
    }
  }
}

/// The text of bytes that are all UTF-8.
func validText(_ bytes: Bytes) throws(DatasetError) -> String {
  guard bytes.count <= Vocabulary.textBytesMax else { throw .tooLarge(values: bytes.count) }
  if let text = String(validating: bytes, as: UTF8.self) { return text }
  var iterator = bytes.makeIterator()
  var decoder = UTF8()
  var offset = 0
  while case .scalarValue(let scalar) = decoder.decode(&iterator) { offset += UTF8.width(scalar) }
  throw .notText(offset: offset)
}

/// Fuzz entry: any bytes give a vocabulary, which then reads them as text.
package func fuzzVocabulary(_ bytes: Bytes) {
  if let json = try? JSONValue(parsing: bytes), let vocabulary = try? Vocabulary(json: json) {
    precondition((try? Vocabulary(json: vocabulary.json)) == vocabulary)
    if let tokens = try? vocabulary.encode(bytes) {
      precondition(vocabulary.decode(tokens) == bytes)
    }
  }
  _ = try? Vocabulary.characters(of: bytes)
}
