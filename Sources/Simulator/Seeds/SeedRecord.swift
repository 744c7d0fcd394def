import Peering
import Primitives

/// What a seed run asks of its network.
enum SeedWork: Sendable {
  case publish
  case provide
  case read
  case findNode
  /// Somebody says that another provides a key.
  case lie
  /// In calm times: every key is read.
  case readAll
  case sampleMeshes
}

/// An operation that was begun and must end.
struct SeedOperation: Sendable {
  enum Kind: Equatable, Sendable {
    case findNode
    case provide(Int)
    case read(Int, mustFind: Bool)
  }

  let node: UInt32
  let kind: Kind
  let began: Int
}

/// What the run itself knows to be true, beside what its nodes believe.
struct SeedRecord: Sendable {
  /// Each key, who provides it, and whether somebody has stored that.
  var keys: [(key: KademliaKey, provider: UInt32, isStored: Bool)] = []
  /// Open operations by number; only ever looked up or walked in the order of numbers.
  var operations: [UInt32: SeedOperation] = [:]
  var nextOperation: UInt32 = 0
  /// When each message was published.
  var messages: [Int] = []
  var crashed: Set<UInt32> = []
  var started: Set<UInt32> = []
  /// The request that is being handed to a machine, if it wants no answer.
  var silentCall: (node: UInt32, call: SeedCall)?
  /// Lopsided pairs of every sample so far, nil before the first.
  var lopsided: [UInt64]?

  /// Bytes of a message, as the routers' caches count them.
  static let messageBytes: UInt32 = 2_048

  /// What the message of a number says.
  static func payload(of number: UInt64) -> UInt64 {
    var mixer = SplitMix64(seed: number)
    return mixer.next()
  }

  /// What a provider writes to its disk before it says so.
  static func journalRecord(of key: KademliaKey) -> Bytes {
    let words = key.point.words
    return [words.0, words.1, words.2, words.3].flatMap { word in
      (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) }
    }
  }

  func isSilent(_ call: SeedCall, at node: UInt32) -> Bool {
    silentCall?.node == node && silentCall?.call == call
  }

  /// A node that goes away owes nothing.
  mutating func forgetOperations(of node: UInt32) {
    for (id, operation) in operations where operation.node == node { operations[id] = nil }
  }

  /// The oldest open operation of a node.
  func oldest(of node: UInt32) -> (id: UInt32, operation: SeedOperation)? {
    operations.filter { $0.value.node == node }.min { $0.key < $1.key }
      .map { ($0.key, $0.value) }
  }
}
