package import ContentStore
package import Cryptography
package import Peering

/// Where a backup is kept, and what was done for it.
package struct BackupStanding: Sendable {
  /// A storage node.
  package struct Node: Sendable {
    /// How a node behaved.
    package enum State: String, Sendable {
      /// It keeps what it says, as far as it was tried.
      case keeping
      /// It is not there, or broke off.
      case unreachable
      /// It keeps nothing for us, or no more.
      case refusing
      /// It did not send what it said that it keeps.
      case lying
    }

    /// Who it is.
    package let peer: PeerID
    /// Where.
    package let address: Multiaddr
    /// How it behaved.
    package internal(set) var state = State.keeping
    /// Members that it keeps.
    package internal(set) var members = 0
    /// Their bytes.
    package internal(set) var bytes: UInt64 = 0
  }

  /// Lost groups that are named.
  static let lostGroupsMax = 1_024

  /// For whom the nodes keep it.
  package let owner: PeerID
  /// The content.
  package let content: CID
  /// The code.
  package let code: ErasureCode
  /// The nodes that were asked.
  package internal(set) var nodes: [Node]
  /// Groups of the backup.
  package internal(set) var groupCount = 0
  /// Members of all groups, equal ones once.
  package internal(set) var memberCount = 0
  /// Those that some node keeps.
  package internal(set) var keptCount = 0
  /// Members that were given to nodes.
  package internal(set) var placedCount = 0
  /// Members that were fetched from nodes.
  package internal(set) var fetchedCount = 0
  /// Members that were computed of others.
  package internal(set) var computedCount = 0
  /// How many nodes may be lost, whichever; nil where a group is lost already.
  package internal(set) var lossesSurvived: Int?
  /// Groups that the nodes keep too little of.
  package internal(set) var lostGroups: [Int] = []
  /// Whether each node that keeps something has the manifest and its pages too.
  package internal(set) var isIndexKept = true

  /// Whether some node keeps each member.
  package var isWhole: Bool { keptCount == memberCount && isIndexKept }

  init(_ manifest: BackupManifest, of owner: PeerID, nodes: [Node]) {
    self.owner = owner
    content = manifest.content
    code = manifest.code
    self.nodes = nodes
    lossesSurvived = nodes.count
  }

  /// Nodes that can be asked for blocks.
  var live: [PeerID] { nodes.filter { $0.state != .unreachable }.map(\.peer) }
  /// Nodes that can be given blocks.
  var willing: [PeerID] { nodes.filter { $0.state == .keeping }.map(\.peer) }

  mutating func note(_ state: Node.State, of peer: PeerID) {
    for place in nodes.indices where nodes[place].peer == peer { nodes[place].state = state }
  }

  /// Counts a window that was looked after.
  mutating func count(_ window: BackupWindow, _ keepers: Keepers) {
    memberCount += window.blocks.count
    for block in window.blocks {
      let peers = keepers[block.digest] ?? []
      keptCount += peers.isEmpty ? 0 : 1
      for place in nodes.indices where peers.contains(nodes[place].peer) {
        nodes[place].members += 1
        nodes[place].bytes += UInt64(block.byteCount)
      }
    }
    for (place, group) in window.groups.enumerated() {
      groupCount += 1
      let members = group.members.map { Self.keepers(of: $0.cid, keepers) }
      if let losses = BackupPlacement.lossesSurvived(keepers: members, needed: group.data.count) {
        lossesSurvived = lossesSurvived.map { min($0, losses) }
      } else {
        lossesSurvived = nil
        if lostGroups.count < Self.lostGroupsMax { lostGroups.append(window.first + place) }
      }
    }
  }

  private static func keepers(of cid: CID, _ keepers: Keepers) -> [PeerID] {
    guard let digest = cid.digest else { return [] }
    return keepers[digest] ?? []
  }
}

/// Which nodes keep which block.
typealias Keepers = [Digest: [PeerID]]
