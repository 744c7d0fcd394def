package import Cryptography
package import Primitives

extension ClusterMachine {
  /// The leaf by which a local group anchors a member: its key and what it offers.
  package static func memberLeaf(_ key: PublicKey, kinds: [Bytes]) -> Digest {
    let value = CanonicalValue.array([key.canonicalValue] + kinds.map { .bytes($0) })
    return MerkleTree.leafHash(value.encoded())
  }

  /// Tells the leader what we bring: our kinds, or the digest of the cluster that we lead.
  mutating func sendOffer(now: Tick, effects: inout [ClusterEffect]) {
    guard let leader = leader(at: now), leader != local else { return }
    if cluster.level == .local {
      guard let place = index(of: local) else { return }
      effects.append(.send(.offer(kinds: members[place].kinds), to: leader))
    } else if let below {
      effects.append(.send(.childDigest(below.encoded()), to: leader))
    }
  }

  mutating func takeChild(
    _ bytes: Bytes, from sender: PeerHandle, directory: some ClusterDirectory,
    effects: inout [ClusterEffect]
  ) {
    guard isLeader else { return }
    do throws(DigestError) {
      let child = try CapabilityDigest(decoding: bytes)
      guard child.cluster.parent == cluster, child.leader == directory.publicKey(of: sender)
      else { throw DigestError.wrongCluster(child.cluster) }
      let old = children.first { $0.digest.cluster == child.cluster }
      // A cluster has one leader; another is heard when the first is gone or its digest is over.
      if let old, old.leader != sender, directory.unixSeconds < old.digest.expiresAt {
        throw DigestError.wrongCluster(child.cluster)
      }
      try child.check(
        of: child.cluster, now: directory.unixSeconds, newerThan: old?.digest)
      children.removeAll { $0.digest.cluster == child.cluster || $0.leader == sender }
      guard children.count < ClusterLimits.childrenMax else { return }
      let place = children.firstIndex { child.cluster < $0.digest.cluster } ?? children.count
      children.insert(Child(digest: child, leader: sender), at: place)
    } catch {
      effects.append(.refusedDigest(error, from: sender))
    }
  }

  /// Digests below that hold now, ours among them, in order of their clusters.
  private func liveChildren(now unixSeconds: UInt64) -> [Child] {
    var live = children.filter { unixSeconds < $0.digest.expiresAt }
    if let below, unixSeconds < below.expiresAt {
      live.removeAll { $0.digest.cluster == below.cluster }
      live.append(Child(digest: below, leader: local))
    }
    return live.sorted { $0.digest.cluster < $1.digest.cluster }
  }

  /// Signs what the cluster offers, sends it to each member with the proof that it is in it, and
  /// hands it up.
  mutating func publish(directory: some ClusterDirectory, effects: inout [ClusterEffect]) {
    var filter = BloomFilter(capacity: ClusterLimits.digestCapacity)
    var leaves: [(receiver: PeerHandle, leaf: Digest)] = []
    var memberCount: UInt64 = 0
    if cluster.level == .local {
      for member in members {
        guard let key = directory.publicKey(of: member.handle) else { continue }
        leaves.append((member.handle, Self.memberLeaf(key, kinds: member.kinds)))
        for kind in member.kinds { filter.insert(kind) }
      }
      memberCount = UInt64(leaves.count)
    } else {
      for child in liveChildren(now: directory.unixSeconds) {
        // A filter that would fill ours is left out; its cluster is still anchored.
        do { try filter.formUnion(child.digest.filter) } catch {
          effects.append(.refusedDigest(.filter(error), from: child.leader))
        }
        leaves.append((child.leader, child.digest.anchorLeaf))
        let sum = memberCount.addingReportingOverflow(child.digest.memberCount)
        memberCount = sum.overflow ? .max : sum.partialValue
      }
    }
    sign(filter, leaves, memberCount: memberCount, directory: directory, effects: &effects)
  }

  private mutating func sign(
    _ filter: BloomFilter, _ leaves: [(receiver: PeerHandle, leaf: Digest)],
    memberCount: UInt64, directory: some ClusterDirectory, effects: inout [ClusterEffect]
  ) {
    guard !leaves.isEmpty else { return }
    digestSequence += 1
    let hashes = leaves.map(\.leaf)
    let lifetime = UInt64(ClusterLimits.digestLifetime.components.seconds)
    let digest = CapabilityDigest(
      cluster: cluster, epoch: epoch, sequence: digestSequence,
      expiresAt: directory.unixSeconds + lifetime, memberCount: memberCount,
      anchor: MerkleTree.root(of: hashes), filter: filter, signedBy: directory.signingKey)
    published = digest
    effects.append(.signed(digest))
    let bytes = digest.encoded()
    for (place, entry) in leaves.enumerated() {
      let proof = MerkleTree.proof(index: place, in: hashes)
      if entry.receiver == local {
        effects.append(.anchored(digest, proof))
      } else {
        effects.append(.send(.published(bytes, inclusion: proof), to: entry.receiver))
      }
    }
  }

  mutating func takePublished(
    _ bytes: Bytes, inclusion: MerkleProof, from sender: PeerHandle, now: Tick,
    directory: some ClusterDirectory, effects: inout [ClusterEffect]
  ) {
    guard leader(at: now) == sender, sender != local else { return }
    do throws(DigestError) {
      let digest = try CapabilityDigest(decoding: bytes)
      guard digest.leader == directory.publicKey(of: sender), digest.epoch == epoch else {
        throw DigestError.badSignature
      }
      let known = published?.epoch == epoch ? published : nil
      try digest.check(of: cluster, now: directory.unixSeconds, newerThan: known)
      published = digest
      guard isWhole(digest, inclusion: inclusion, directory: directory) else {
        // What we sent may not have arrived; the debt stays.
        sendOffer(now: now, effects: &effects)
        return
      }
      debt?.since = now
      effects.append(.anchored(digest, inclusion))
    } catch {
      effects.append(.refusedDigest(error, from: sender))
    }
  }

  /// Whether a digest holds what we brought.
  private func isWhole(
    _ digest: CapabilityDigest, inclusion: MerkleProof, directory: some ClusterDirectory
  ) -> Bool {
    if cluster.level == .local {
      guard let key = directory.publicKey(of: local), let place = index(of: local) else {
        return false
      }
      let kinds = members[place].kinds
      return inclusion.proves(Self.memberLeaf(key, kinds: kinds), under: digest.anchor)
        && kinds.allSatisfy { digest.filter.mayContain($0) }
    }
    // A leader that signs each time just before it hears of our newest always has the last but
    // one: both sign twice a minute, so that what once fell so stays so.
    let brought = [below, belowBefore].compactMap { $0 }
    return brought.isEmpty || brought.contains { isHeld($0, by: digest, inclusion: inclusion) }
  }

  private func isHeld(
    _ child: CapabilityDigest, by digest: CapabilityDigest, inclusion: MerkleProof
  ) -> Bool {
    guard inclusion.proves(child.anchorLeaf, under: digest.anchor) else { return false }
    if digest.filter.covers(child.filter) { return true }
    // Left out honestly only if there was no room.
    var united = digest.filter
    do { try united.formUnion(child.filter) } catch { return true }
    return false
  }

  /// Members that offer a kind, or leaders below in whose clusters somebody may; nearest first.
  package func offering(
    _ kind: Bytes, nearTo asker: PeerHandle?, directory: some ClusterDirectory
  ) -> (members: [PeerHandle], leaders: [PeerHandle]) {
    let center = directory.coordinate(of: asker ?? local)
    func nearest(_ peers: [PeerHandle]) -> [PeerHandle] {
      let sited = peers.map { (directory.coordinate(of: $0).distance(to: center), $0) }
      return sited.sorted { $0 < $1 }.prefix(ClusterLimits.poolAnswersMax).map(\.1)
    }
    guard cluster.level != .local else {
      return (nearest(members.filter { $0.kinds.contains(kind) }.map(\.handle)), [])
    }
    let below = liveChildren(now: directory.unixSeconds)
    return ([], nearest(below.filter { $0.digest.filter.mayContain(kind) }.map(\.leader)))
  }

  /// The leader of a city tells the leaders of its groups of each other.
  func tellSiblings(
    now: Tick, directory: some ClusterDirectory, effects: inout [ClusterEffect]
  ) {
    guard cluster.level == .city else { return }
    let groups = liveChildren(now: directory.unixSeconds).map { child in
      GroupPlan.Sibling(
        child.digest.cluster,
        memberCount: Int(clamping: min(child.digest.memberCount, UInt64(SWIMLimits.membersMax))),
        at: directory.coordinate(of: child.leader))
    }
    guard groups.count > 1 else { return }
    for member in members where member.handle != local {
      effects.append(.send(.siblings(groups), to: member.handle))
    }
    effects.append(.siblings(groups))
  }

  /// A leader splits a group that is too large and sends one that is too small to its neighbours.
  mutating func regroup(
    now: Tick, directory: some ClusterDirectory, effects: inout [ClusterEffect]
  ) {
    guard cluster.level == .local, !wasReassigned else { return }
    if members.count > ClusterLimits.splitAbove {
      guard let numbers = GroupPlan.numbers(splitting: cluster.number) else { return }
      let halves = GroupPlan.split(
        members.map { .init($0.handle, at: directory.coordinate(of: $0.handle)) })
      assign(halves.stay, to: cluster.numbered(numbers.stay), now: now, effects: &effects)
      assign(halves.go, to: cluster.numbered(numbers.go), now: now, effects: &effects)
    } else if let target = GroupPlan.mergeTarget(
      of: cluster, memberCount: members.count, at: directory.coordinate(of: local),
      among: siblings)
    {
      assign(present, to: target, now: now, effects: &effects)
    }
  }

  private mutating func assign(
    _ peers: [PeerHandle], to target: ClusterID, now: Tick, effects: inout [ClusterEffect]
  ) {
    wasReassigned = true
    for peer in peers {
      if peer == local {
        // A leader goes last: the word of one that has left counts for nothing.
        move = Move(target: target, at: now.advanced(by: ClusterLimits.renewal))
      } else {
        effects.append(.send(.assign(epoch: epoch, to: target), to: peer))
      }
    }
  }
}
