import Cryptography
import Peering
import Primitives

/// A signature to be checked away from the loop.
struct SignatureCheck: Sendable {
  let key: PublicKey
  let signature: Signature
  let message: Bytes

  /// Checks many, on the threads that all tasks share: a newcomer to a full group brings two
  /// hundred, at some 50 µs each.
  static func run(_ checks: [SignatureCheck]) async -> [Bool] {
    guard !checks.isEmpty else { return [] }
    return await withTaskExecutorPreference(globalConcurrentExecutor) { await runHere(checks) }
  }

  @concurrent private static func runHere(_ checks: [SignatureCheck]) async -> [Bool] {
    checks.map { $0.key.verify($0.signature, of: $0.message) }
  }
}

/// What a member signed about itself in one group.
struct Attestation: Hashable, Sendable {
  let cluster: ClusterID
  let member: PeerID
  let incarnation: UInt64
  let isLeaving: Bool
  let proof: Bytes

  func check(network: String) -> SignatureCheck? {
    guard let key = member.publicKey, let signature = try? Signature(bytes: proof) else {
      return nil
    }
    let message = SWIMProtocol.attestedBytes(
      group: ClusterProtocol.group(cluster, network: network), member: member,
      incarnation: incarnation, leaving: isLeaving)
    return SignatureCheck(key: key, signature: signature, message: message)
  }
}

/// Attestations that hold, the last ones.
struct ProvenAttestations: Sendable {
  private var proven: Set<Attestation> = []
  private var order: [Attestation] = []
  private var next = 0

  func contains(_ attestation: Attestation) -> Bool { proven.contains(attestation) }

  mutating func insert(_ attestation: Attestation) {
    guard proven.insert(attestation).inserted else { return }
    if order.count < MembershipLimits.provenMax {
      order.append(attestation)
    } else {
      proven.remove(order[next])
      order[next] = attestation
      next = (next + 1) % order.count
    }
  }
}

/// Rights to be in the network: those that hold, and why others do not.
struct InvitationBook: Sendable {
  private var valid: [PeerID: NetworkInvitation] = [:]
  private var refused: [PeerID: AdmissionRefusal] = [:]

  func invitation(of peer: PeerID) -> NetworkInvitation? { valid[peer] }
  func refusal(of peer: PeerID) -> AdmissionRefusal? { refused[peer] }

  /// The next end of one that counts now, in seconds since 1970.
  func nextEnd(after now: UInt64) -> UInt64? {
    valid.values.lazy.map(\.expiresAt).filter { $0 > now }.min()
  }

  /// Keeps one whose signature holds; when full, those whom `isNeeded` does not name make room.
  mutating func insert(_ invitation: NetworkInvitation, isNeeded: (PeerID) -> Bool) {
    if valid.count >= MembershipLimits.invitationsMax { valid = valid.filter { isNeeded($0.key) } }
    guard valid.count < MembershipLimits.invitationsMax else { return }
    valid[invitation.peer] = invitation
    refused[invitation.peer] = nil
  }

  mutating func refuse(_ peer: PeerID, _ refusal: AdmissionRefusal) {
    guard valid[peer] == nil else { return }
    if refused.count >= MembershipLimits.refusedInvitationsMax { refused.removeAll() }
    refused[peer] = refusal
  }
}

/// Who may be in the network, and by what right.
struct Admission: Sendable {
  let profile: NetworkProfile
  let stake: @Sendable (PeerID) -> Amount
  var invitations = InvitationBook()

  /// Why a peer is kept out; nil if it may enter.
  func refusal(of peer: PeerID) -> AdmissionRefusal? {
    let refusal = profile.refusal(
      of: peer, invitation: invitations.invitation(of: peer), stake: stake(peer),
      now: WallClock.milliseconds() / 1_000)
    if refusal == .noInvitation, let known = invitations.refusal(of: peer) { return known }
    return refusal
  }

  /// What has to be checked of an invitation before it counts; one that cannot count is refused.
  mutating func check(of invitation: NetworkInvitation, for peer: PeerID) -> SignatureCheck? {
    guard profile.isByInvitation, invitations.invitation(of: peer) != invitation else { return nil }
    if let refusal = profile.refusal(
      of: peer, invitation: invitation, stake: .zero, now: WallClock.milliseconds() / 1_000)
    {
      invitations.refuse(peer, refusal)
      return nil
    }
    return SignatureCheck(
      key: invitation.issuer, signature: invitation.signature, message: invitation.signedBytes)
  }
}
