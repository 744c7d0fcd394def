import Cryptography
import Peering
import Primitives

/// One node's machines.
struct MembershipNode {
  let place: DeclaredPlace
  let firstGroup: UInt32
  let kinds: [Bytes]
  var hierarchy: HierarchyMachine
  var groups: [ClusterID: SWIMMachine] = [:]
  /// When each group's machine wants its next tick; what was planned for later is stale.
  var wakes: [ClusterID: Int] = [:]
  var hierarchyWake = Int.max
  var isRunning = false
  /// Counts starts, so that what was meant for an earlier life is not taken by a later one.
  var life = 0
  /// How often each cluster was looked up since we are in it.
  var lookups: [ClusterID: Int] = [:]
  /// The last digest of its group in which it was, and when.
  var anchoredAt: Int?
}

/// What is still to happen.
enum MembershipEvent: Sendable {
  case start(node: Int)
  case crash(node: Int)
  case cut(Bool)
  case swim(SWIMMessage<PeerHandle>, from: Int, to: Int, ClusterID)
  case cluster(ClusterMessage, from: Int, to: Int, ClusterID)
  case wakeGroup(node: Int, life: Int, ClusterID)
  case wakeHierarchy(node: Int, life: Int)
  /// A lookup in the DHT has its answer.
  case enter(node: Int, life: Int, ClusterID)
  case lookAgain(node: Int, life: Int, ClusterID)
  case lie(Int)
}

/// What the machines of clusters ask.
struct SimulatedDirectory: ClusterDirectory {
  let keys: [SigningKey]
  let coordinates: [NetworkCoordinate]
  let local: Int
  let unixSeconds: UInt64

  func stake(of peer: PeerHandle) -> UInt64 { UInt64(peer.index % 7) }
  func ringPoint(of peer: PeerHandle) -> UInt64 { SimulatedNotary.ringPoint(of: peer) }
  func publicKey(of peer: PeerHandle) -> PublicKey? {
    keys.indices.contains(Int(peer.index)) ? keys[Int(peer.index)].publicKey : nil
  }
  func coordinate(of peer: PeerHandle) -> NetworkCoordinate { coordinates[Int(peer.index)] }
  var signingKey: SigningKey { keys[local] }
}
