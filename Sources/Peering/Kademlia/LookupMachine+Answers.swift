import Primitives

extension LookupMachine {
  mutating func answered(
    _ peer: PeerHandle, closer: [PeerHandle], now: Tick, directory: some PeerDirectory
  ) {
    let (index, isThere) = askedIndex(peer)
    guard isThere, asked[index].state != .answered else { return }
    let entry = asked[index]
    asked[index].state = .answered
    roundTrips.add(now.duration(since: entry.sentAt))
    let path = Int(entry.path)
    insert(peer, from: entry.referrer, hops: entry.hops, path: path, directory: directory)
    judge(entry.referrer, kept: true)
    guard plan.followsReferrals else { return }
    let hops = entry.hops == .max ? .max : entry.hops + 1
    for named in Self.diverse(closer, directory: directory) where named != local {
      insert(named, from: peer, hops: hops, path: path, directory: directory)
    }
  }

  /// The first k peers of an answer, without those of an address group that has too many in it:
  /// one network must not fill our view (go-libp2p-kad-dht query.go, filterPeersByIPDiversity).
  package static func diverse(
    _ peers: [PeerHandle], directory: some PeerDirectory
  ) -> [PeerHandle] {
    let answer = peers.prefix(KademliaLimits.bucketPeersMax)
    let groups = answer.map { directory.addressGroup(of: $0) }
    return zip(answer, groups).filter { _, group in
      group == 0
        || groups.count { $0 == group } <= KademliaLimits.peersOfGroupInAnswerMax
    }.map(\.0)
  }

  mutating func insert(
    _ peer: PeerHandle, from referrer: PeerHandle, hops: UInt8, path: Int,
    directory: some PeerDirectory
  ) {
    let point = directory.key(of: peer)
    if let avoided = plan.avoids, avoided.center.commonPrefixLength(with: point) > avoided.bits {
      return
    }
    let distance = point.distance(to: target)
    if paths[path].count == plan.candidatesMax, let last = paths[path].last,
      last.distance < distance
    {
      return
    }
    var low = 0
    var high = paths[path].count
    while low < high {
      let middle = (low + high) / 2
      if paths[path][middle].distance < distance { low = middle + 1 } else { high = middle }
    }
    if low < paths[path].count, paths[path][low].peer == peer { return }
    let (index, isThere) = askedIndex(peer)
    if isThere, asked[index].state == .failed { return }
    paths[path].insert(
      Candidate(distance: distance, peer: peer, referrer: referrer, hops: hops), at: low)
    if paths[path].count > plan.candidatesMax { paths[path].removeLast() }
  }

  mutating func setFailed(_ peer: PeerHandle) {
    let (index, isThere) = askedIndex(peer)
    guard isThere, asked[index].state != .answered else { return }
    if asked[index].state == .waiting { judge(asked[index].referrer, kept: false) }
    asked[index].state = .failed
    for path in paths.indices { paths[path].removeAll { $0.peer == peer } }
  }

  /// Counts what became of a referral. Whoever has named several peers of which none answers is
  /// believed no more: what else it named is forgotten until another names it.
  mutating func judge(_ referrer: PeerHandle, kept: Bool) {
    let (index, isThere) = askedIndex(referrer)
    guard isThere else { return }
    if kept {
      asked[index].keptReferral = true
      return
    }
    if asked[index].referralsLost < .max { asked[index].referralsLost += 1 }
    guard !asked[index].keptReferral,
      asked[index].referralsLost >= KademliaLimits.referralsLostMax
    else { return }
    for path in paths.indices {
      paths[path] = paths[path].filter {
        $0.referrer != referrer || askedIndex($0.peer).isThere
      }
    }
  }

  func askedIndex(_ peer: PeerHandle) -> (index: Int, isThere: Bool) {
    var low = 0
    var high = asked.count
    while low < high {
      let middle = (low + high) / 2
      if asked[middle].peer < peer { low = middle + 1 } else { high = middle }
    }
    return (low, low < asked.count && asked[low].peer == peer)
  }
}
