package import Peering
package import Primitives

/// Proofs that only the run's world can make, at the cost of a few multiplications.
package struct SimulatedNotary: MembershipNotary {
  private let local: PeerHandle
  private let secret: UInt64
  private let believesAll: Bool
  /// Whom the rule of admission keeps out.
  package var banned: Set<PeerHandle> = []

  /// The notary of one member of the world that has this secret; one that believes every proof is
  /// a mistake to be found.
  package init(local: PeerHandle, secret: UInt64, believesAll: Bool = false) {
    self.local = local
    self.secret = secret
    self.believesAll = believesAll
  }

  private func mark(_ member: PeerHandle, _ incarnation: UInt64, _ leaving: Bool) -> UInt64 {
    var mixer = SplitMix64(seed: secret ^ UInt64(member.index) << 1 ^ (leaving ? 1 : 0))
    var second = SplitMix64(seed: mixer.next() ^ incarnation)
    return second.next()
  }

  package func attest(incarnation: UInt64, leaving: Bool) -> Bytes {
    let mark = mark(local, incarnation, leaving)
    return (0..<8).map { UInt8(truncatingIfNeeded: mark >> UInt64(8 * $0)) }
  }

  package func isGenuine(
    _ proof: Bytes, of member: PeerHandle, incarnation: UInt64, leaving: Bool
  ) -> Bool {
    if believesAll { return true }
    var value: UInt64 = 0
    for byte in proof.reversed() { value = value << 8 | UInt64(byte) }
    return proof.count == 8 && value == mark(member, incarnation, leaving)
  }

  package func refusal(of member: PeerHandle) -> SWIMRefusal? {
    banned.contains(member) ? .notAdmitted : nil
  }

  package func ringPoint(of member: PeerHandle) -> UInt64 { Self.ringPoint(of: member) }

  /// A place on the ring that follows from the handle.
  static func ringPoint(of member: PeerHandle) -> UInt64 {
    var mixer = SplitMix64(seed: UInt64(member.index))
    return mixer.next()
  }
}
