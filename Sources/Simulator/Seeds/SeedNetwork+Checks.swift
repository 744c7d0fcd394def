import Peering
import Primitives

extension SeedNetwork {
  /// After every change of a table.
  mutating func checkTable(of node: UInt32, with newcomer: PeerHandle) {
    let table = nodes[Int(node)].kademlia.table
    let entries = table.entries
    if entries.contains(where: { $0.peer.index == node }) {
      fail(.tableShape, node, "it is in its own table")
    }
    if entries.count(where: { $0.peer == newcomer }) != 1 {
      fail(.tableShape, node, "\(newcomer.index) is there more than once, or not at all")
    }
    for bucket in 0..<KademliaLimits.bucketsMax {
      let found = table.entries(inBucket: bucket)
      if found.count > KademliaLimits.bucketPeersMax {
        fail(.tableShape, node, "\(found.count) peers in bucket \(bucket)")
      }
      if found.contains(where: { table.bucket(of: book.key(of: $0.peer)) != bucket }) {
        fail(.tableShape, node, "a peer of another bucket in \(bucket)")
      }
    }
    if !nodes[Int(newcomer.index)].isReachable {
      fail(.tableServes, node, "\(newcomer.index) serves nothing")
    }
    let group = book.addressGroup(of: newcomer)
    let alike = entries.count { book.addressGroup(of: $0.peer) == group }
    if alike > KademliaLimits.peersOfGroupInTableMax {
      fail(.tableDiversity, node, "\(alike) peers of group \(group)")
    }
  }

  /// Whoever is named as a provider has said so.
  mutating func checkProviders(_ providers: [PeerHandle], _ id: UInt32, at node: UInt32) {
    guard case .read(let place, _)? = record.operations[id]?.kind else { return }
    let truth = record.keys[place].provider
    for provider in providers where provider.index != truth {
      fail(
        .providersVerified, node,
        "\(provider.index) is named for key \(place), which \(truth) provides")
    }
  }

  /// At each look of the shell: alarms that did not ring, operations that do not end.
  mutating func checkTimers(of node: UInt32) {
    let late = SeedConnectionLimits.upkeepMilliseconds
    let alarms = [nodes[Int(node)].kademliaWake, nodes[Int(node)].routerWake]
    if let missed = alarms.first(where: { $0 < queue.now - late }) {
      fail(.timerServed, node, "the alarm of \(missed) ms did not ring")
    }
    if let (id, operation) = record.oldest(of: node),
      queue.now - operation.began > SeedCallLimits.operationMilliseconds
    {
      fail(.operationEnds, node, "operation \(id) began at \(operation.began) ms")
    }
    if let first = nodes[Int(node)].asking.first,
      queue.now - first.since > SeedCallLimits.answerMilliseconds
    {
      fail(.requestAnswered, node, "call \(first.call.call) of \(first.call.peer) waits")
    }
  }

  /// What must hold once trouble is over.
  mutating func checkEnd() {
    checkMessages()
    if let pair = record.lopsided?.first {
      fail(
        .meshSymmetric, UInt32(pair >> 32),
        "\(pair & 0xFFFF_FFFF) is in the mesh, but not the other way round")
    }
    let serving = nodes.indices.count { nodes[$0].isReachable && states.isUp($0) }
    // Tables are refreshed every ten minutes; until then a lookup of one's own fills them.
    let wanted = min(2, serving - 1)
    for node in nodes.indices where states.isUp(node) {
      let count = nodes[node].kademlia.table.count
      if count < wanted {
        fail(.tablesRecover, UInt32(node), "\(count) peers in the table of \(serving)")
      }
    }
  }

  /// What explains why a node hears nothing.
  private func standing(of node: Int) -> String {
    let calm = record.messages.indices.filter { record.messages[$0] >= SeedTimes.recovered }
    let heard = calm.count { nodes[node].delivered[UInt64($0)] != nil }
    let router = nodes[node].router
    return "heard \(heard) of \(calm.count), \(nodes[node].connections.count) connections, "
      + "\(router.mesh(of: Self.topic).count) in the mesh, "
      + "\(router.subscribers(of: Self.topic).count) subscribers"
  }

  private mutating func checkMessages() {
    let up = nodes.indices.filter { states.isUp($0) }
    for (number, time) in record.messages.enumerated() where time >= SeedTimes.recovered {
      var times: [Int] = []
      for node in up {
        guard let delivered = nodes[node].delivered[UInt64(number)] else {
          return fail(
            .messagesReach, UInt32(node),
            "message \(number) of \(time) ms never came; \(standing(of: node))")
        }
        times.append(delivered - time)
      }
      times.sort()
      outcome.gossip.coverage99.append(times[(times.count * 99 + 99) / 100 - 1])
      outcome.gossip.coverage.append(1)
    }
  }
}
