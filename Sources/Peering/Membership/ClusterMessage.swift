package import Cryptography
package import Primitives

/// What members of one cluster say to each other, over connections that authenticate them.
package enum ClusterMessage: Hashable, Sendable {
  /// Vote for me as leader of this epoch; of epoch 0, which nobody grants: which is yours?
  case stand(epoch: UInt64)
  /// Confirm me: I lead this epoch, and ask again and again.
  case renew(epoch: UInt64)
  /// You are, as far as I am concerned, for one lease.
  case grant(epoch: UInt64)
  /// Not you; the highest epoch that I know.
  case decline(known: UInt64)
  /// The kinds of resources that I offer.
  case offer(kinds: [Bytes])
  /// The digest of the cluster below that I lead.
  case childDigest(Bytes)
  /// Our digest, and the proof that the receiver is in it.
  case published(Bytes, inclusion: MerkleProof)
  /// The groups of our city, from its leader to theirs.
  case siblings([GroupPlan.Sibling])
  /// Our group splits, or joins another: go there.
  case assign(epoch: UInt64, to: ClusterID)
}

/// What happens to a cluster's member.
package enum ClusterEvent: Sendable {
  /// The moment of `nextWake` has come.
  case tick
  /// The failure detector has taken us in, or has begun with us alone: from now on we take part.
  case entered
  /// The failure detector sees a member.
  case present(PeerHandle)
  /// The failure detector no longer sees it.
  case absent(PeerHandle)
  /// A message of an authenticated member.
  case received(ClusterMessage, from: PeerHandle)
  /// What we offer from now on.
  case offers([Bytes])
  /// The digest of the cluster below that we lead, to be carried up.
  case digestBelow(CapabilityDigest)
  /// Other groups of our city, as the city's leader tells them.
  case siblings([GroupPlan.Sibling])
}

/// What the shell does for a cluster's member.
package enum ClusterEffect: Sendable, Equatable {
  /// Send a message; lost ones are not repeated.
  case send(ClusterMessage, to: PeerHandle)
  /// We lead: enter the cluster above.
  case leads(epoch: UInt64)
  /// We no longer lead: leave the cluster above.
  case leadsNoMore
  /// We follow this leader.
  case follows(PeerHandle, epoch: UInt64)
  /// We signed a digest: carry it up.
  case signed(CapabilityDigest)
  /// A digest of our leader's in which we are.
  case anchored(CapabilityDigest, MerkleProof)
  /// The leader keeps us or our capabilities out of its digests.
  case disgraced(PeerHandle)
  /// The groups of the city, for the one that we lead.
  case siblings([GroupPlan.Sibling])
  /// Leave this cluster for another of the same level.
  case moves(to: ClusterID)
  /// A digest that we did not take, and why.
  case refusedDigest(DigestError, from: PeerHandle)
}

/// What a cluster machine asks of the books of peers and of our own key.
package protocol ClusterDirectory {
  /// The peer's stake.
  func stake(of peer: PeerHandle) -> Amount
  /// The peer's place on the ring that all members see alike.
  func ringPoint(of peer: PeerHandle) -> UInt64
  /// The peer's key; nil for one that is not Ed25519.
  func publicKey(of peer: PeerHandle) -> PublicKey?
  /// Where a peer is, by latency.
  func coordinate(of peer: PeerHandle) -> NetworkCoordinate
  /// Our own key, for digests.
  var signingKey: SigningKey { get }
  /// Seconds since 1970, for the life of digests.
  var unixSeconds: UInt64 { get }
}
