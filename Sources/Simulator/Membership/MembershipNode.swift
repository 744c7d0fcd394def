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

/// Proofs that only the run's world can make, at the cost of a few multiplications.
struct SimulatedNotary: MembershipNotary {
  let local: PeerHandle
  let secret: UInt64
  let believesAll: Bool

  private func mark(_ member: PeerHandle, _ incarnation: UInt64, _ leaving: Bool) -> UInt64 {
    var mixer = SplitMix64(seed: secret ^ UInt64(member.index) << 1 ^ (leaving ? 1 : 0))
    var second = SplitMix64(seed: mixer.next() ^ incarnation)
    return second.next()
  }

  func attest(incarnation: UInt64, leaving: Bool) -> Bytes {
    let mark = mark(local, incarnation, leaving)
    return (0..<8).map { UInt8(truncatingIfNeeded: mark >> UInt64(8 * $0)) }
  }

  func isGenuine(
    _ proof: Bytes, of member: PeerHandle, incarnation: UInt64, leaving: Bool
  ) -> Bool {
    if believesAll { return true }
    var value: UInt64 = 0
    for byte in proof.reversed() { value = value << 8 | UInt64(byte) }
    return proof.count == 8 && value == mark(member, incarnation, leaving)
  }

  func refusal(of member: PeerHandle) -> SWIMRefusal? { nil }

  func ringPoint(of member: PeerHandle) -> UInt64 {
    var mixer = SplitMix64(seed: UInt64(member.index))
    return mixer.next()
  }
}

/// What the machines of clusters ask.
struct SimulatedDirectory: ClusterDirectory {
  let keys: [SigningKey]
  let coordinates: [NetworkCoordinate]
  let local: Int
  let unixSeconds: UInt64

  func stake(of peer: PeerHandle) -> UInt64 { UInt64(peer.index % 7) }
  func ringPoint(of peer: PeerHandle) -> UInt64 {
    var mixer = SplitMix64(seed: UInt64(peer.index))
    return mixer.next()
  }
  func publicKey(of peer: PeerHandle) -> PublicKey? {
    keys.indices.contains(Int(peer.index)) ? keys[Int(peer.index)].publicKey : nil
  }
  func coordinate(of peer: PeerHandle) -> NetworkCoordinate { coordinates[Int(peer.index)] }
  var signingKey: SigningKey { keys[local] }
}
