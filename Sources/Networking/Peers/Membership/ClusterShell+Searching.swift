import Cryptography
package import Peering
import Primitives

extension ClusterShell {
  /// Members that offer a kind, nearest first as their leaders answer; at most `wanted`.
  package func find(_ kind: String, wanted: Int) async -> [PeerHandle] {
    let name = Bytes(kind.utf8)
    guard (1...ClusterLimits.kindBytesMax).contains(name.count),
      searches.count < MembershipLimits.searchesMax
    else { return [] }
    let id = nextSearch
    nextSearch &+= 1
    return await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        let leaders = hierarchy.leadersUpwards(at: loop.now)
        var machine = PoolSearch(wanted: wanted, leadersUpwards: leaders)
        let effects = machine.start(now: loop.now)
        searches[id] = Search(machine: machine, kind: name, continuation: continuation)
        perform(effects, of: id)
        if Task.isCancelled { finish(id, with: []) }
      }
    } onCancel: {
      loop.execute { self.assumeIsolated { $0.finish(id, with: []) } }
    }
  }

  private func perform(_ effects: [PoolSearch.Effect], of id: UInt32) {
    for effect in effects {
      switch effect {
      case .ask(let leader): ask(leader, in: id)
      case .finished(let members): finish(id, with: members)
      }
    }
    scheduleTick(of: id)
  }

  private func ask(_ leader: PeerHandle, in id: UInt32) {
    guard let search = searches[id] else { return }
    guard leader == local else {
      send(
        .find(query: id, kind: search.kind, invitation: settings.invitation), to: leader)
      return
    }
    // Ourselves we ask without the wire, yet not within the machine's own turn.
    loop.execute {
      self.assumeIsolated { shell in
        let found = shell.hierarchy.offering(
          search.kind, nearTo: nil, now: shell.loop.now, directory: shell.directory)
        shell.take(found.members, leaders: found.leaders, from: leader, in: id)
      }
    }
  }

  private func scheduleTick(of id: UInt32) {
    let moment = searches[id]?.machine.nextWake
    searches[id]?.wakeTimer.set(at: moment, on: loop) { [weak self] in
      self?.assumeIsolated { shell in
        guard let effects = shell.searches[id]?.machine.tick(now: shell.loop.now) else { return }
        shell.perform(effects, of: id)
      }
    }
  }

  func finish(_ id: UInt32, with members: [PeerHandle]) {
    guard var search = searches.removeValue(forKey: id) else { return }
    search.wakeTimer.cancel(on: loop)
    search.continuation.resume(returning: members)
  }

  // MARK: Answers

  func answer(_ query: UInt32, _ kind: Bytes, to sender: PeerID) {
    let asker = host.assumeIsolated { $0.book.intern(sender, now: loop.now) }
    let (members, leaders) = hierarchy.offering(
      kind, nearTo: asker, now: loop.now, directory: directory)
    send(.found(query: query, members: introduce(members), leaders: introduce(leaders)), to: asker)
  }

  /// Who peers are; what opens the network to them they show themselves.
  private func introduce(_ peers: [PeerHandle]) -> [PeerIntroduction] {
    swim.assumeIsolated { swim in
      peers.compactMap { swim.introduction(of: $0) }
        .map { PeerIntroduction($0.peer, addresses: $0.addresses) }
    }
  }

  func found(
    _ query: UInt32, members: [PeerIntroduction], leaders: [PeerIntroduction],
    from sender: PeerID
  ) {
    guard searches[query] != nil,
      let handle = host.assumeIsolated({ $0.book.handle(of: sender) })
    else { return }
    take(meet(members), leaders: meet(leaders), from: handle, in: query)
  }

  private func take(
    _ members: [PeerHandle], leaders: [PeerHandle], from sender: PeerHandle, in id: UInt32
  ) {
    guard
      let effects = searches[id]?.machine.found(
        members, leaders: leaders, from: sender, now: loop.now)
    else { return }
    perform(effects, of: id)
  }

  private func meet(_ peers: [PeerIntroduction]) -> [PeerHandle] {
    swim.assumeIsolated { $0.meet(peers) }
    return host.assumeIsolated { host in
      peers.map { host.book.intern($0.peer, now: loop.now) }
    }
  }
}

extension SWIMShell {
  /// Whether the network lets a peer in, by what it shows.
  func admits(_ peer: PeerID, with invitation: NetworkInvitation?) async -> Bool {
    if admission.refusal(of: peer) == nil { return true }
    guard let invitation, let check = admission.check(of: invitation, for: peer),
      checks.allows(0, max: MembershipLimits.checksPerSecondMax, now: loop.now)
    else { return false }
    return await SignatureCheck.run([check]) == [true]
  }
}
