import Primitives

/// How a node's router lets others in (RFC 4787 calls the two halves mapping and filtering).
package enum TranslationClass: UInt8, CaseIterable, Sendable {
  /// Reached by everybody.
  case open
  /// One outside port for everything; whoever learns it gets in while it lives.
  case fullCone
  /// One outside port; only those get in who were sent something.
  case portRestricted
  /// A new outside port for each peer, so nobody else can use it.
  case symmetric
}

/// Who can send to whom: routers remember what their nodes sent.
package struct AddressTranslation: Sendable {
  /// How long a mapping lives without traffic: RFC 4787 §4.3 asks for two minutes at least, common
  /// routers forget UDP after 30 to 60 s.
  static let mappingMilliseconds = 60_000

  private var classes: [TranslationClass]
  /// When a node last sent to a peer, by both numbers.
  private var sent: [UInt64: Int] = [:]
  private var lastSent: [Int]

  /// Puts a share of nodes behind routers, evenly of the three kinds.
  package init(nodeCount: Int, share: Double, exempt: Int, streams: ChanceStreams) {
    guard share > 0 else {
      (classes, lastSent) = ([], [])
      return
    }
    var random = streams.stream(.topology, node: 1)
    let hidden: [TranslationClass] = [.fullCone, .portRestricted, .symmetric]
    classes = (0..<nodeCount).map { node in
      guard random.happens(share), node >= exempt else { return .open }
      return hidden[random.below(hidden.count)]
    }
    lastSent = Array(repeating: .min / 2, count: nodeCount)
  }

  /// The class of a node.
  package func translation(of node: Int) -> TranslationClass {
    classes.isEmpty ? .open : classes[node]
  }

  /// Whether a stranger can open a connection to the node.
  package func isReachable(_ node: Int) -> Bool { translation(of: node) == .open }

  /// Notes that a packet left `sender`, and says whether `receiver`'s router lets it in.
  package mutating func pass(from sender: Int, to receiver: Int, now: Int) -> Bool {
    guard !classes.isEmpty else { return true }
    if classes[sender] != .open {
      lastSent[sender] = now
      sent[Self.pair(sender, receiver)] = now
    }
    switch classes[receiver] {
    case .open: return true
    case .fullCone: return now - lastSent[receiver] <= Self.mappingMilliseconds
    case .portRestricted, .symmetric:
      guard let last = sent[Self.pair(receiver, sender)],
        now - last <= Self.mappingMilliseconds
      else { return false }
      // A symmetric sender answers from the port that was asked only if it could be asked at all.
      return classes[sender] != .symmetric || classes[receiver] != .symmetric
    }
  }

  /// Forgets a node's mappings, as its router does when the node restarts elsewhere.
  package mutating func forget(_ node: Int) {
    guard !classes.isEmpty else { return }
    lastSent[node] = .min / 2
  }

  private static func pair(_ from: Int, _ to: Int) -> UInt64 {
    UInt64(from) << 32 | UInt64(to)
  }
}
