package import Primitives

/// What happens to a member.
package enum SWIMEvent: Sendable {
  /// The moment of `SWIMMachine.nextWake` has come.
  case tick
  /// A message of a peer that the connection has authenticated.
  case received(SWIMMessage<PeerHandle>, from: PeerHandle)
  /// Enter the group that these peers belong to.
  case join(via: [PeerHandle])
  /// Peers that are in the same group, it is said, and that we do not see: two parts that began
  /// apart become one.
  case reach([PeerHandle])
  /// The rule of admission no longer lets a member be here.
  case expel(PeerHandle)
  /// Tell the group that we go.
  case leave
}

/// What the shell does for a member.
package enum SWIMEffect: Sendable, Equatable {
  /// Send a message; lost ones are not repeated.
  case send(SWIMMessage<PeerHandle>, to: PeerHandle)
  /// The group's view of a member changed.
  case changed(PeerHandle, SWIMStatus)
  /// The whole state of the group has arrived.
  case joined
  /// Nobody took us in.
  case joinFailed(SWIMRefusal?)
  /// We are in, and another part of the group does not take us.
  case turnedAway(SWIMRefusal)
  /// We contradicted a rumour about ourselves and are at this incarnation now.
  case refuted(incarnation: UInt64)
  /// The news of our leaving was passed on; the machine may be dropped.
  case departed
}

/// What a membership machine asks of keys and of the book of peers.
package protocol MembershipNotary {
  /// Our own signature over our incarnation and whether we leave.
  func attest(incarnation: UInt64, leaving: Bool) -> Bytes
  /// Whether the member signed this incarnation for this group.
  func isGenuine(
    _ proof: Bytes, of member: PeerHandle, incarnation: UInt64, leaving: Bool
  ) -> Bool
  /// Why the group's admission rule keeps a peer out; nil if it lets it in.
  func refusal(of member: PeerHandle) -> SWIMRefusal?
  /// The member's place on the ring that all members see alike: a word of its `DistanceKey`.
  func ringPoint(of member: PeerHandle) -> UInt64
}
