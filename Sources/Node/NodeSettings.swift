package import Orchestration
package import Peering
package import Persistence
package import Primitives

/// How a node is started.
package struct NodeSettings: Sendable {
  /// Holds key, chain and everything else.
  package var home: HomeDirectory { membership.home }
  /// How it is a member of the network of peers.
  package var membership: Membership
  /// What it does.
  package var role: NodeRole
  /// The name of the key file, without `.key`.
  package var keyName: String { membership.keyName }
  /// A label for people.
  package var label: String
  /// Threads for training or replay.
  package var threads: Int
  /// Memory that one piece of work may need; nil for what the machine has.
  package var memoryMax: ByteCount?
  /// The training function that a liar substitutes, by name; nil for honest work.
  package var lie: String?

  /// A node with the key that the membership names.
  package init(
    membership: Membership, role: NodeRole, label: String = "", threads: Int = 1,
    lie: String? = nil
  ) {
    self.membership = membership
    self.role = role
    self.label = label
    self.threads = threads
    self.lie = lie
  }

  /// A node of the coordinator at an address, which ends in `/p2p/ID`.
  package init(
    home: HomeDirectory, role: NodeRole, coordinator: Multiaddr, keyName: String = "identity",
    label: String = "", threads: Int = 1, lie: String? = nil
  ) {
    var membership = Membership(place: .address(coordinator), home: home)
    membership.keyName = keyName
    self.init(
      membership: membership, role: role, label: label, threads: threads, lie: lie)
  }
}
