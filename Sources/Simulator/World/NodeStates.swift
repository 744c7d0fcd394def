import Primitives

/// What is special about a node.
package struct NodeTraits: OptionSet, Sendable {
  /// One bit a trait.
  package let rawValue: UInt8

  /// The traits of these bits.
  package init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Gone for good, though others still know it.
  package static let dead = NodeTraits(rawValue: 1)
  /// Takes messages and passes none on.
  package static let silent = NodeTraits(rawValue: 2)
  /// Belongs to the attacker.
  package static let sybil = NodeTraits(rawValue: 4)
  /// Away for now.
  package static let away = NodeTraits(rawValue: 8)
}

/// The traits of all nodes.
package struct NodeStates: Sendable {
  private var traits: ContiguousArray<NodeTraits>

  /// Draws who is dead and who is silent; the first `exempt` nodes are neither.
  package init(nodeCount: Int, plan: FaultPlan, exempt: Int = 0, streams: ChanceStreams) {
    var dead = streams.stream(.faults, node: 3)
    var silent = streams.stream(.faults, node: 4)
    traits = ContiguousArray(repeating: [], count: nodeCount)
    for node in 0..<nodeCount {
      let isDead = dead.happens(plan.share(.dead))
      let isSilent = silent.happens(plan.share(.silent))
      guard node >= exempt else { continue }
      if isDead { traits[node].insert(.dead) }
      if isSilent { traits[node].insert(.silent) }
    }
  }

  /// How many nodes there are.
  package var count: Int { traits.count }

  /// The traits of one node.
  package subscript(_ node: Int) -> NodeTraits {
    get { traits[node] }
    set { traits[node] = newValue }
  }

  /// Adds a node.
  package mutating func add(_ more: NodeTraits) { traits.append(more) }

  /// Whether messages reach the node now.
  package func isUp(_ node: Int) -> Bool { traits[node].isDisjoint(with: [.dead, .away]) }

  /// Whether the node does what its protocol says, now.
  package func isHonest(_ node: Int) -> Bool {
    traits[node].isDisjoint(with: [.dead, .away, .silent, .sybil])
  }
}
