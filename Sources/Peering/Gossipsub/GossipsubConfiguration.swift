import Primitives

/// How messages of a kind of topics are signed and named.
package enum GossipSigning: Equatable, Sendable {
  /// `StrictSign`: author, sequence number and signature are present; the id is author and number.
  case strictSign
  /// `StrictNoSign`: all three are absent; the id is a hash of topic and content.
  case strictNoSign
}

/// What topics of one kind have in common.
package struct GossipTopicKind: Equatable, Sendable {
  /// Signatures and ids.
  package var signing: GossipSigning
  /// Whether `.validate` asks for each message; without, what is well formed is accepted.
  package var validates: Bool
  /// Bytes of a message's data.
  package var messageBytesMax: Int
  /// Parts P1 to P4 of the score; nil leaves the topic out of it.
  package var score: GossipTopicScore?

  /// A kind of topics.
  package init(
    signing: GossipSigning = .strictSign, validates: Bool = true,
    messageBytesMax: Int = 256 * 1_024, score: GossipTopicScore? = GossipTopicScore()
  ) {
    self.signing = signing
    self.validates = validates
    self.messageBytesMax = messageBytesMax
    self.score = score
  }
}

/// The score of a topic kind, made ready; a class so that reading it copies nothing.
final class GossipTopicRules: Sendable {
  let score: GossipTopicScore
  let quantumNanoseconds: UInt64
  /// Whether copies count (P3).
  let judgesDeliveries: Bool

  init(_ score: GossipTopicScore) {
    self.score = score
    quantumNanoseconds = max(1, Tick.zero.advanced(by: score.timeInMeshQuantum).nanoseconds)
    judgesDeliveries = score.meshDeliveriesWeight != 0
  }
}

/// What all routers of a process share; a class so that a million of them hold eight bytes each.
package final class GossipsubConfiguration: Sendable {
  /// Kinds are numbered by a byte.
  static let kindsMax = 64

  /// How routers behave.
  package let parameters: GossipsubParameters
  /// Which score costs which right.
  package let thresholds: GossipThresholds
  /// Parts P5 to P7 of the score.
  package let peerScore: GossipPeerScore
  /// The kinds of topics; a topic is joined as one of them.
  package let kinds: [GossipTopicKind]
  /// By kind.
  let rules: [GossipTopicRules?]

  /// Checks every parameter.
  package init(
    parameters: GossipsubParameters = .standard, thresholds: GossipThresholds = .init(),
    peerScore: GossipPeerScore = .init(), kinds: [GossipTopicKind] = [.init()]
  ) throws(GossipsubParameterFault) {
    try parameters.validate()
    try thresholds.validate()
    try peerScore.validate()
    for kind in kinds { try kind.score?.validate() }
    guard (1...Self.kindsMax).contains(kinds.count) else {
      throw GossipsubParameterFault(name: "kinds", rule: "between 1 and \(Self.kindsMax)")
    }
    for kind in kinds where !(1...GossipsubLimits.publishedBytesMax).contains(kind.messageBytesMax)
    {
      throw GossipsubParameterFault(name: "messageBytesMax", rule: "at most publishedBytesMax")
    }
    self.parameters = parameters
    self.thresholds = thresholds
    self.peerScore = peerScore
    self.kinds = kinds
    rules = kinds.map { kind in kind.score.map { GossipTopicRules($0) } }
  }
}
