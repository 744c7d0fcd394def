import Primitives
import Testing

@testable import Peering

/// One node, event by event.
@Suite("Kademlia machine")
struct KademliaMachineTests {
  /// A node, and what it wants done.
  private struct Node {
    var book = TestBook()
    var machine: KademliaMachine
    var random = SplitMix64(seed: 51)
    var now = KademliaWorld.epoch

    init(settings: KademliaSettings = .martlet) {
      let point = DistanceKey.random(&random)
      let local = book.add(point, group: 0)
      machine = KademliaMachine(
        local: local, key: KademliaKey(point: point), settings: settings)
    }

    mutating func peer(bucket: Int? = nil) -> PeerHandle {
      let own = machine.key.point
      let point = bucket.map { own.neighbour(sharing: $0, random: &random) }
      return book.add(point ?? .random(&random), group: 0)
    }

    @discardableResult
    mutating func handle(
      _ event: KademliaEvent, after wait: Duration = .zero
    ) -> [KademliaEffect] {
      now = now.advanced(by: wait)
      var effects: [KademliaEffect] = []
      machine.handle(event, now: now, random: &random, directory: book, effects: &effects)
      return effects
    }
  }

  private static func calls(_ effects: [KademliaEffect]) -> [(peer: PeerHandle, call: UInt32)] {
    effects.compactMap { if case .send(_, let peer, let call) = $0 { (peer, call) } else { nil } }
  }

  private static func outcomes(_ effects: [KademliaEffect]) -> [KademliaOutcome] {
    effects.compactMap { if case .finished(let outcome, _) = $0 { outcome } else { nil } }
  }

  @Test("only identify puts a peer into the table, and losing the protocol takes it out")
  func identified() {
    var node = Node()
    let peer = node.peer()
    _ = node.handle(.request(.ping, from: peer, admission: .staked, call: 1))
    #expect(node.machine.table.count == 0)
    #expect(node.handle(.identified(peer, admission: .puzzle)) == [.inserted(peer)])
    #expect(node.handle(.identified(peer, admission: .puzzle)) == [])
    #expect(node.handle(.withdrawn(peer)) == [.removed(peer)])
    #expect(node.handle(.withdrawn(peer)) == [])
    #expect(node.handle(.identified(peer, admission: .none)) == [])
    var open = Node(settings: .ipfs)
    let stranger = open.peer()
    #expect(open.handle(.identified(stranger, admission: .none)) == [.inserted(stranger)])
  }

  @Test("a newcomer to a full bucket makes the node check the entry silent longest")
  func fullBucket() {
    var node = Node()
    let peers = (0..<22).map { _ in node.peer(bucket: 1) }
    for peer in peers.prefix(20) { _ = node.handle(.identified(peer, admission: .staked)) }
    for round in 1...KademliaLimits.failuresUntilReplaceable {
      let effects = node.handle(.identified(peers[20], admission: .staked))
      let check = Self.calls(effects)
      #expect(check.map(\.peer) == [peers[0]], "round \(round)")
      // Asking again while the check is under way sends nothing.
      #expect(Self.calls(node.handle(.identified(peers[20], admission: .staked))).isEmpty)
      let failed = node.handle(.failed(call: check[0].call))
      #expect(Self.outcomes(failed).isEmpty)
    }
    #expect(
      node.handle(.identified(peers[20], admission: .staked))
        == [.removed(peers[0]), .inserted(peers[20])])
  }

  @Test("a request without an answer is abandoned after ten seconds and counts as a failure")
  func abandoned() {
    var node = Node()
    let peer = node.peer()
    _ = node.handle(.identified(peer, admission: .staked))
    let sent = node.handle(.start(.findNode(KademliaKey(point: node.book.keys[0])), id: 7))
    let call = Self.calls(sent)[0].call
    #expect(sent.contains(.wake(at: node.now.advanced(by: KademliaLimits.slotTimeoutStart))))
    let slow = node.handle(.tick, after: KademliaLimits.slotTimeoutStart)
    #expect(!slow.contains(.abandon(call: call)))
    #expect(Self.outcomes(slow).isEmpty)
    let end = node.handle(.tick, after: KademliaLimits.requestTimeout)
    #expect(end.contains(.abandon(call: call)))
    let outcome = Self.outcomes(end).first
    #expect(outcome?.closest == [])
    #expect(outcome?.requests == 1)
    #expect(outcome?.timeouts == 1)
    let entry = node.machine.table.entry(of: peer, directory: node.book)
    #expect(entry?.failures == 1)
    // An answer to an abandoned request changes nothing.
    #expect(
      node.handle(.response(KademliaResponse(), call: call, admission: .staked)) == [])
  }

  @Test("answers feed the table's round trips, and an answer nobody asked for is ignored")
  func roundTrips() {
    var node = Node()
    let peer = node.peer()
    _ = node.handle(.identified(peer, admission: .staked))
    let sent = node.handle(.start(.findNode(KademliaKey(point: node.book.keys[0])), id: 1))
    let call = Self.calls(sent)[0].call
    #expect(node.handle(.response(.init(), call: call &+ 9, admission: .staked)) == [])
    let done = node.handle(
      .response(.init(), call: call, admission: .staked), after: .milliseconds(70))
    let outcome = Self.outcomes(done).first
    #expect(outcome?.closest == [peer])
    #expect(outcome?.hops == 1)
    #expect(outcome?.elapsed == .milliseconds(70))
    let entry = node.machine.table.entry(of: peer, directory: node.book)
    #expect(entry?.roundTripMilliseconds == 70)
    #expect(entry?.isFresh(at: node.now) == true)
  }

  @Test("without anyone to ask an operation ends at once and says so")
  func nobodyToAsk() {
    var node = Node()
    let key = KademliaKey(point: node.book.keys[0])
    let ends = [.findNode(key), .findProviders(key, wanted: 3), .provide(key), .bootstrap]
      .map { Self.outcomes(node.handle(.start($0, id: 1))).first?.ending }
    #expect(ends == [.nobodyToAsk, .nobodyToAsk, .nobodyToAsk, .nobodyToAsk])
  }

  @Test("operations above the limit and values against the rules are refused")
  func refusals() {
    var node = Node()
    let peer = node.peer()
    _ = node.handle(.identified(peer, admission: .staked))
    let key = KademliaKey(Bytes("/x/".utf8))
    let bad = node.handle(.start(.putValue(KademliaRecord(key: key, value: [1])), id: 0))
    #expect(Self.outcomes(bad).first?.ending == .invalidRecord(.unknownNamespace))
    for id in 0..<KademliaLimits.operationsMax {
      #expect(Self.outcomes(node.handle(.start(.findNode(key), id: UInt32(id)))).isEmpty)
    }
    let refused = node.handle(.start(.findNode(key), id: 9_999))
    #expect(
      Self.outcomes(refused).first?.ending == .refused(limit: KademliaLimits.operationsMax))
    for id in 0..<KademliaLimits.operationsMax { node.handle(.cancel(id: UInt32(id))) }
    #expect(Self.calls(node.handle(.start(.findNode(key), id: 9_999))).count == 1)
  }

  @Test("requests under way never exceed their limit")
  func requestLimit() {
    var node = Node()
    for _ in 0..<200 {
      let peer = node.peer()
      _ = node.handle(.identified(peer, admission: .staked))
    }
    var sent = 0
    for id in 0..<KademliaLimits.operationsMax * 2 {
      let key = KademliaKey(point: .random(&node.random))
      sent += Self.calls(node.handle(.start(.findNode(key), id: UInt32(id)))).count
      if id % 20 == 0 { _ = node.handle(.tick, after: .seconds(1)) }
      #expect(node.machine.calls.count <= KademliaLimits.requestsMax)
    }
    #expect(sent > 1_000)
  }

  @Test("maintenance bootstraps when it meets the first peer, then refreshes and keeps anchors")
  func maintenance() {
    var node = Node()
    let begun = node.handle(.begin(anchors: []))
    #expect(begun == [.wake(at: node.now.advanced(by: KademliaLimits.refreshInterval))])
    let peer = node.peer()
    let met = node.handle(.identified(peer, admission: .staked))
    #expect(Self.calls(met).map(\.peer) == [peer])
    let refreshed = node.handle(
      .response(.init(), call: Self.calls(met)[0].call, admission: .staked),
      after: .milliseconds(50))
    #expect(!Self.calls(refreshed).isEmpty)
    #expect(Self.outcomes(refreshed).isEmpty)
    for (_, call) in Self.calls(refreshed) {
      _ = node.handle(.response(.init(), call: call, admission: .staked))
    }
    let later = node.handle(.tick, after: KademliaLimits.refreshInterval)
    #expect(later.contains(.anchors([peer])))
  }

  @Test("anchors of an earlier run are asked first when nobody else is known")
  func anchors() {
    var node = Node()
    let anchors = (0..<20).map { _ in node.peer() }
    let begun = node.handle(.begin(anchors: anchors))
    #expect(Self.calls(begun).count == KademliaLimits.slotsPerLookup)
    #expect(Self.calls(begun).allSatisfy { anchors.prefix(16).contains($0.peer) })
  }
}
