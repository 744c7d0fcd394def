import Cryptography
import Peering
import Primitives

extension SWIMShell {
  func peer(of handle: PeerHandle) -> PeerID? {
    host.assumeIsolated { $0.book.peer(of: handle) }
  }

  /// Our signature over our own counter; the last is kept, since a full group asks for it often.
  func attest(_ cluster: ClusterID, incarnation: UInt64, leaving: Bool) -> Bytes {
    if let own = groups[cluster]?.ownProof, own.incarnation == incarnation,
      own.isLeaving == leaving
    {
      return own.proof
    }
    let message = SWIMProtocol.attestedBytes(
      group: ClusterProtocol.group(cluster, network: network), member: host.peerID,
      incarnation: incarnation, leaving: leaving)
    let proof = host.assumeIsolated { $0.identity.sign(message).bytes }
    groups[cluster]?.ownProof = (incarnation, leaving, proof)
    return proof
  }

  // MARK: Speaking

  func send(_ message: SWIMMessage<PeerHandle>, to target: PeerHandle, in cluster: ClusterID) {
    if case .ping(let sequence, _) = message.verb { notePing(sequence, to: target, in: cluster) }
    guard let named = try? message.map(name) else { return }
    let frame = SWIMFrame(
      named, in: cluster, at: ownCoordinate, introductions: introductions(for: message.claims))
    let bytes = frame.encoded()
    guard bytes.count <= SWIMLimits.frameBytesMax else { return }
    streams.assumeIsolated { $0.send(bytes, to: target) }
  }

  private func name(_ handle: PeerHandle) throws(PeerError) -> PeerID {
    guard let peer = peer(of: handle) else { throw .closed }
    return peer
  }

  /// Who the living members in a message are.
  private func introductions(for claims: [SWIMClaim<PeerHandle>]) -> [PeerIntroduction] {
    var named: Set<PeerHandle> = []
    return claims.compactMap { claim in
      guard claim.status == .alive, named.insert(claim.member).inserted else { return nil }
      return introduction(of: claim.member)
    }
  }

  /// Who a peer is, as far as we know; of ourselves, all of it.
  func introduction(of handle: PeerHandle) -> PeerIntroduction? {
    if handle == local {
      let addresses = host.assumeIsolated { $0.ownAddresses() }.map { $0.withoutOwner.bytes }
      return PeerIntroduction(host.peerID, addresses: addresses, invitation: ownInvitation)
    }
    guard let record = host.assumeIsolated({ $0.book.record(of: handle) }) else { return nil }
    return PeerIntroduction(
      record.peer, addresses: record.addresses.map { $0.address.bytes },
      invitation: admission.invitations.invitation(of: record.peer))
  }

  // MARK: Listening

  func servedProtocol() -> StreamProtocol {
    StreamProtocol(
      SWIMProtocol.name,
      limits: StreamLimits(inboundPerPeerMax: 2, inboundMax: MembershipLimits.streamsMax)
    ) { [weak self] stream in
      while let bytes = try await stream.readMessage(limit: SWIMLimits.frameBytesMax) {
        guard let self else { return }
        try await self.received(bytes, from: stream.peer)
      }
    }
  }

  /// Hears a frame; throws, which resets the stream, when it is none.
  private func received(_ bytes: Bytes, from sender: PeerID) async throws {
    let now = loop.now
    guard frames.allows(sender, max: MembershipLimits.framesPerSecondMax, now: now) else { return }
    let frame = try SWIMFrame.decode(bytes)
    guard groups[frame.cluster] != nil else {
      tellStranger(frame, sender)
      return
    }
    await prove(frame)
    guard groups[frame.cluster] != nil else { return }
    take(frame, from: sender)
  }

  private func take(_ frame: SWIMFrame, from sender: PeerID) {
    meet(frame.introductions)
    let message = host.assumeIsolated { host in
      frame.message.map { host.book.intern($0, now: loop.now) }
    }
    let handle = host.assumeIsolated { $0.book.intern(sender, now: loop.now) }
    note(frame, from: handle)
    self.handle(.received(message, from: handle), in: frame.cluster)
  }

  /// A newcomer that asks a node that is not in the group need not wait for nothing.
  private func tellStranger(_ frame: SWIMFrame, _ sender: PeerID) {
    guard frame.message.verb == .join else { return }
    let handle = host.assumeIsolated { $0.book.intern(sender, now: loop.now) }
    send(SWIMMessage(.refused(.notAMember)), to: handle, in: frame.cluster)
  }

  func meet(_ introductions: [PeerIntroduction]) {
    host.assumeIsolated { host in
      for introduction in introductions where introduction.peer != host.peerID {
        let addresses = introduction.addresses.compactMap { try? Multiaddr(bytes: $0) }
        let handle = host.book.intern(introduction.peer, now: loop.now)
        host.book.learn(addresses, of: handle, source: .hearsay, now: loop.now)
      }
    }
  }

  // MARK: Signatures

  /// Checks what a frame brings that is news, away from the loop; what does not fit into the
  /// second's budget counts as unproven and is heard again with later gossip.
  private func prove(_ frame: SWIMFrame) async {
    var attestations: [Attestation] = []
    var invitations: [NetworkInvitation] = []
    var wanted: [SignatureCheck] = []
    for claim in frame.message.claims where isNews(claim, in: frame.cluster) {
      let attestation = Attestation(
        cluster: frame.cluster, member: claim.member, incarnation: claim.incarnation,
        isLeaving: claim.status == .left, proof: claim.proof)
      guard !proven.contains(attestation), !attestations.contains(attestation),
        let check = attestation.check(network: network)
      else { continue }
      attestations.append(attestation)
      wanted.append(check)
    }
    for introduction in frame.introductions {
      guard let invitation = introduction.invitation,
        let check = admission.check(of: invitation, for: introduction.peer)
      else { continue }
      invitations.append(invitation)
      wanted.append(check)
    }
    guard !wanted.isEmpty,
      checks.allows(
        0, max: MembershipLimits.checksPerSecondMax, now: loop.now, cost: wanted.count)
    else { return }
    let results = await SignatureCheck.run(wanted)
    for (attestation, isGenuine) in zip(attestations, results) where isGenuine {
      proven.insert(attestation)
    }
    for (invitation, isGenuine) in zip(invitations, results.dropFirst(attestations.count)) {
      if isGenuine { keep(invitation) } else { refuse(invitation) }
    }
  }

  private func keep(_ invitation: NetworkInvitation) {
    let book = host.assumeIsolated { $0.book }
    let machines = groups.values.map(\.machine)
    admission.invitations.insert(invitation) { peer in
      guard let handle = book.handle(of: peer) else { return false }
      return machines.contains { $0.member(handle) != nil }
    }
    scheduleAdmissionCheck()
  }

  private func refuse(_ invitation: NetworkInvitation) {
    admission.invitations.refuse(invitation.peer, .badSignature)
  }

  /// Whether a claim says something that only its member can say and that we do not know yet.
  private func isNews(_ claim: SWIMClaim<PeerID>, in cluster: ClusterID) -> Bool {
    guard let machine = groups[cluster]?.machine else { return false }
    if claim.member == host.peerID { return claim.incarnation > machine.incarnation }
    guard let handle = host.assumeIsolated({ $0.book.handle(of: claim.member) }),
      let known = machine.member(handle)
    else { return true }
    return claim.incarnation > known.incarnation
  }

  // MARK: Round trips

  private func notePing(_ sequence: UInt32, to target: PeerHandle, in cluster: ClusterID) {
    let now = loop.now
    if groups[cluster].map({ $0.pings.count >= MembershipLimits.pingsMax }) ?? true {
      groups[cluster]?.pings = [:]
    }
    groups[cluster]?.pings[sequence] = (target, now)
  }

  /// Where a member says it is, and how long the way there took.
  private func note(_ frame: SWIMFrame, from sender: PeerHandle) {
    guard let group = groups[frame.cluster],
      group.machine.member(sender)?.status.isPresent ?? false
    else { return }
    coordinates[sender] = frame.coordinate
    guard case .ack(let sequence, _) = frame.message.verb,
      let ping = groups[frame.cluster]?.pings.removeValue(forKey: sequence),
      ping.target == sender
    else { return }
    ownCoordinate.update(
      roundTrip: loop.now.duration(since: ping.at), to: frame.coordinate, random: &random)
  }
}
