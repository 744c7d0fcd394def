public import Primitives

/// What a stake buys.
public enum TicketRole: String, Hashable, Sendable, CaseIterable {
  case miner, supervisor, evaluator, verifier, peer

  /// The least stake of a role: between 50 and 1,000 tokens by what its holder could spoil.
  public var minimumStake: Amount {
    switch self {
    case .supervisor: .tokens(1_000)
    case .miner: .tokens(100)
    case .evaluator, .verifier, .peer: .tokens(50)
    }
  }
}

/// What a holder wants to work on, or a task asks for.
public struct WorkPreferences: Hashable, Sendable {
  /// Kinds of model, such as `mlp`; empty for any.
  public let modelTypes: Set<String>
  /// What the machine has or the task needs, such as `gpu`.
  public let hardware: Set<String>
  /// Kinds of data, such as `csv`; empty for any.
  public let dataTypes: Set<String>

  /// Bounds of free text.
  public enum Limits {
    /// Words of one list.
    public static let wordsMax = 32
    /// Bytes of one word.
    public static let wordBytesMax = 64
  }

  /// Checks and collects the parts.
  public init(
    modelTypes: Set<String> = [], hardware: Set<String> = [], dataTypes: Set<String> = []
  ) throws(TicketError) {
    for words in [modelTypes, hardware, dataTypes] {
      guard words.count <= Limits.wordsMax else { throw .tooManyWords(words.count) }
      for word in words where !(1...Limits.wordBytesMax).contains(word.utf8.count) {
        throw .word(bytes: word.utf8.count)
      }
    }
    self.modelTypes = modelTypes
    self.hardware = hardware
    self.dataTypes = dataTypes
  }
}

extension WorkPreferences: CanonicalCodable {
  /// A map of three sorted lists.
  public var canonicalValue: CanonicalValue {
    func list(_ words: Set<String>) -> CanonicalValue { .array(words.sorted().map { .text($0) }) }
    return .map([
      "models": list(modelTypes), "hardware": list(hardware), "data": list(dataTypes),
    ])
  }

  /// Reads the lists; they must be sorted and without repetition.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    let models = try Self.words("models", of: &fields)
    let hardware = try Self.words("hardware", of: &fields)
    let data = try Self.words("data", of: &fields)
    try fields.finish()
    do {
      try self.init(modelTypes: models, hardware: hardware, dataTypes: data)
    } catch {
      throw .malformed(what: "preferences", reason: error.description)
    }
    guard self.canonicalValue == canonicalValue else {
      throw .malformed(what: "preferences", reason: "unsorted or repeated words")
    }
  }

  private static func words(
    _ name: String, of fields: inout CanonicalFields
  ) throws(DecodingFailure) -> Set<String> {
    var words: Set<String> = []
    for value in try fields.array(name) {
      guard case .text(let word) = value else {
        throw .malformed(what: "preferences", reason: "a word is not text")
      }
      words.insert(word)
    }
    return words
  }
}
