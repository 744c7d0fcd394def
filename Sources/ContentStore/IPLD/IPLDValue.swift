public import Primitives

/// A value of the IPLD data model (ipld.io/docs/data-model), which dag-cbor, dag-json and dag-pb
/// blocks hold.
public enum IPLDValue: Sendable {
  case null
  case bool(Bool)
  /// Within −2⁶⁴ … 2⁶⁴ − 1; codecs refuse what lies outside.
  case integer(Int128)
  /// Finite.
  case float(Double)
  case text(String)
  case bytes(Bytes)
  case list([IPLDValue])
  case map(IPLDMap)
  case link(CID)

  /// What an error calls the kind.
  public var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a truth value"
    case .integer: "an integer"
    case .float: "a number"
    case .text: "text"
    case .bytes: "bytes"
    case .list: "a list"
    case .map: "a map"
    case .link: "a link"
    }
  }
}

/// Limits of values from outside.
public enum IPLDLimits {
  /// The nesting of lists and maps: far more than any schema, far less than any stack.
  public static let depthMax = 128
  /// What 64 bits and a sign hold.
  public static let integers: ClosedRange<Int128> = -(1 << 64)...(1 << 64) - 1
}

extension IPLDValue: Equatable {
  /// Compares texts and keys byte by byte, numbers bit by bit, and maps without their order.
  public static func == (left: IPLDValue, right: IPLDValue) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.bool(let left), .bool(let right)): left == right
    case (.integer(let left), .integer(let right)): left == right
    case (.float(let left), .float(let right)): left.bitPattern == right.bitPattern
    case (.text(let left), .text(let right)): left.utf8.elementsEqual(right.utf8)
    case (.bytes(let left), .bytes(let right)): left == right
    case (.list(let left), .list(let right)): left == right
    case (.map(let left), .map(let right)): left == right
    case (.link(let left), .link(let right)): left == right
    default: false
    }
  }
}

/// A map of the IPLD data model. Keys are told apart by their bytes: Swift takes two spellings of
/// one letter for the same text.
public struct IPLDMap: Sendable {
  /// One key and its value.
  public struct Entry: Sendable {
    /// The key.
    public let key: String
    /// The value.
    public let value: IPLDValue

    /// Pairs a key with a value.
    public init(_ key: String, _ value: IPLDValue) {
      self.key = key
      self.value = value
    }
  }

  /// In the order of the block they came from.
  public let entries: [Entry]

  /// Makes a map; nil when a key repeats.
  public init?(_ entries: [Entry]) {
    self.entries = entries
    let sorted = self.sorted(by: Self.byLength)
    for (entry, next) in zip(sorted, sorted.dropFirst())
    where entry.key.utf8.elementsEqual(next.key.utf8) {
      return nil
    }
  }

  /// Makes a map whose keys the caller knows to be different.
  init(distinct entries: [Entry]) { self.entries = entries }

  /// The value of a key.
  public subscript(key: String) -> IPLDValue? {
    entries.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
  }

  /// The order of dag-cbor: shorter keys first, then by bytes.
  static func byLength(_ left: String, _ right: String) -> Bool {
    let (leftCount, rightCount) = (left.utf8.count, right.utf8.count)
    return leftCount != rightCount ? leftCount < rightCount : byBytes(left, right)
  }

  /// The order of dag-json.
  static func byBytes(_ left: String, _ right: String) -> Bool {
    left.utf8.lexicographicallyPrecedes(right.utf8)
  }

  func sorted(by precedes: (String, String) -> Bool) -> [Entry] {
    entries.sorted { precedes($0.key, $1.key) }
  }
}

extension IPLDMap: Equatable {
  /// Compares without the order of entries.
  public static func == (left: IPLDMap, right: IPLDMap) -> Bool {
    left.entries.count == right.entries.count
      && zip(left.sorted(by: byLength), right.sorted(by: byLength)).allSatisfy {
        $0.key.utf8.elementsEqual($1.key.utf8) && $0.value == $1.value
      }
  }
}
