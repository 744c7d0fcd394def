import ContentStore
import Primitives
import Testing

@Suite("Asking by bitswap")
struct BitswapClientTests {
  private let one = BitswapPeer(1)
  private let two = BitswapPeer(2)
  private let session = BitswapSessionID(1)

  private static func blocks(_ count: Int) -> [ContentBlock] {
    (0..<count).map { ContentBlock(hashing: Bytes("block \($0)".utf8), codec: .raw) }
  }

  private func start(_ peers: [BitswapPeer], members: [BitswapPeer]) -> BitswapClientMachine {
    var machine = BitswapClientMachine()
    for peer in peers { _ = machine.handle(.connected(peer), now: .zero) }
    _ = machine.handle(.begin(session, peers: members), now: .zero)
    return machine
  }

  private func asked(
    _ effects: [BitswapClientEffect], of peer: BitswapPeer, _ kind: BitswapMessage.Want.Kind
  ) -> [CID] {
    effects.flatMap { effect -> [CID] in
      guard case .send(let wants, peer) = effect else { return [] }
      return wants.filter { $0.kind == kind }.map(\.cid)
    }
  }

  private func later(_ duration: Duration) -> Tick { Tick.zero.advanced(by: duration) }

  @Test("a member is asked for blocks at once, as many as its window, and more when they come")
  func window() {
    let blocks = Self.blocks(10)
    var machine = start([one], members: [one])
    let effects = machine.handle(.want(session, blocks.map(\.cid)), now: .zero)
    #expect(asked(effects, of: one, .block) == blocks.prefix(4).map(\.cid))
    let next = machine.handle(.received([blocks[0]], [], from: one), now: .zero)
    #expect(next.contains(.deliver(blocks[0], to: session)))
    #expect(asked(next, of: one, .block) == blocks[4..<6].map(\.cid))
    #expect(machine.counts.blocks == 1)
  }

  @Test("the load is spread over the members")
  func spread() {
    let blocks = Self.blocks(8)
    var machine = start([one, two], members: [one, two])
    let effects = machine.handle(.want(session, blocks.map(\.cid)), now: .zero)
    #expect(asked(effects, of: one, .block).count == 4)
    #expect(asked(effects, of: two, .block).count == 4)
  }

  @Test("who does not have a block is passed over, and the next one is asked")
  func refusal() {
    let blocks = Self.blocks(1)
    var machine = start([one, two], members: [one, two])
    let effects = machine.handle(.want(session, [blocks[0].cid]), now: .zero)
    #expect(asked(effects, of: one, .block) == [blocks[0].cid])
    let no = BitswapMessage.Presence(blocks[0].cid, isHad: false)
    let next = machine.handle(.received([], [no], from: one), now: .zero)
    #expect(asked(next, of: two, .block) == [blocks[0].cid])
    let last = machine.handle(.received([], [no], from: two), now: .zero)
    #expect(last == [.search(blocks[0].cid, for: session)])
    let end = machine.handle(.searchEnded(session), now: .zero)
    #expect(end == [.unavailable(blocks[0].cid, for: session)])
  }

  @Test("strangers are asked whether they have it, and who has it is asked for it")
  func probe() {
    let blocks = Self.blocks(1)
    var machine = start([one, two], members: [])
    let effects = machine.handle(.want(session, [blocks[0].cid]), now: .zero)
    #expect(asked(effects, of: one, .have) == [blocks[0].cid])
    #expect(asked(effects, of: two, .have) == [blocks[0].cid])
    let yes = BitswapMessage.Presence(blocks[0].cid, isHad: true)
    let next = machine.handle(.received([], [yes], from: two), now: .zero)
    #expect(asked(next, of: two, .block) == [blocks[0].cid])
  }

  @Test("where nobody answers a question, a search begins, and who is found is asked")
  func search() {
    let blocks = Self.blocks(1)
    var machine = start([one], members: [])
    _ = machine.handle(.want(session, [blocks[0].cid]), now: .zero)
    let wake = machine.nextWake
    #expect(wake == later(BitswapLimits.probeTime))
    let effects = machine.handle(.tick, now: wake ?? .zero)
    #expect(effects == [.search(blocks[0].cid, for: session)])
    _ = machine.handle(.connected(two), now: wake ?? .zero)
    let next = machine.handle(.suggest(session, [two]), now: wake ?? .zero)
    #expect(asked(next, of: two, .block) == [blocks[0].cid])
  }

  @Test("a silent peer loses its wants to another one, and comes last from then on")
  func silence() {
    let blocks = Self.blocks(2)
    var machine = start([one, two], members: [one])
    _ = machine.handle(.want(session, blocks.map(\.cid)), now: .zero)
    _ = machine.handle(.suggest(session, [two]), now: .zero)
    #expect(machine.nextWake == later(BitswapLimits.silence))
    let effects = machine.handle(.tick, now: later(BitswapLimits.silence))
    #expect(asked(effects, of: two, .block) == blocks.map(\.cid))
    // A late block is taken all the same, and the other one told.
    let late = machine.handle(
      .received([blocks[0]], [], from: one), now: later(BitswapLimits.silence))
    #expect(late.contains(.deliver(blocks[0], to: session)))
    #expect(asked(late, of: two, .cancel) == [blocks[0].cid])
    let twice = machine.handle(
      .received([blocks[0]], [], from: two), now: later(BitswapLimits.silence))
    #expect(twice.isEmpty && machine.counts.duplicates == 1)
  }

  @Test("a peer that stays silent is asked three times, then others are looked for")
  func silentForEver() {
    let blocks = Self.blocks(1)
    var machine = start([one], members: [one])
    _ = machine.handle(.want(session, [blocks[0].cid]), now: .zero)
    for number in 1..<BitswapLimits.silencesMax {
      let effects = machine.handle(.tick, now: later(BitswapLimits.silence * number))
      #expect(asked(effects, of: one, .block) == [blocks[0].cid])
    }
    let effects = machine.handle(
      .tick, now: later(BitswapLimits.silence * BitswapLimits.silencesMax))
    #expect(effects == [.search(blocks[0].cid, for: session)])
  }

  @Test("a peer that sends what it was not asked for is reported and asked no more")
  func liar() {
    let blocks = Self.blocks(6)
    var machine = start([one, two], members: [one])
    _ = machine.handle(.want(session, blocks.map(\.cid)), now: .zero)
    _ = machine.handle(.suggest(session, [two]), now: .zero)
    let wrong = ContentBlock(hashing: Bytes("wrong".utf8), codec: .raw)
    let effects = machine.handle(.received([wrong, blocks[0]], [], from: one), now: .zero)
    #expect(effects.contains(.misconduct(.unaskedBlock, of: one)))
    #expect(!effects.contains(.deliver(blocks[0], to: session)))
    #expect(asked(effects, of: two, .block).count == 2)
    #expect(asked(effects, of: one, .block).isEmpty)
    let more = machine.handle(.received([blocks[0]], [], from: one), now: .zero)
    #expect(more.isEmpty && machine.counts.unasked == 1)
  }

  @Test("a session that ends takes its wants back, and leaves those of others")
  func end() {
    let blocks = Self.blocks(2)
    let other = BitswapSessionID(2)
    var machine = start([one], members: [one])
    _ = machine.handle(.begin(other, peers: [one]), now: .zero)
    _ = machine.handle(.want(session, blocks.map(\.cid)), now: .zero)
    _ = machine.handle(.want(other, [blocks[1].cid]), now: .zero)
    let effects = machine.handle(.end(session), now: .zero)
    #expect(asked(effects, of: one, .cancel) == [blocks[0].cid])
    let both = machine.handle(.received([blocks[1]], [], from: one), now: .zero)
    #expect(both == [.deliver(blocks[1], to: other)])
    #expect(machine.nextWake == nil)
  }

  @Test("a block is delivered under the name that was asked for")
  func names() {
    let node = ContentBlock(
      hashing: DagPBNode(data: Bytes("x".utf8)).encoded(), codec: .dagPB, version: .v0)
    var machine = start([one], members: [one])
    _ = machine.handle(.want(session, [node.cid.asVersion1]), now: .zero)
    let effects = machine.handle(.received([node], [], from: one), now: .zero)
    guard case .deliver(let block, _)? = effects.first else {
      Issue.record("nothing was delivered")
      return
    }
    #expect(block.cid == node.cid.asVersion1)
  }

  @Test("a peer that goes gives its wants to the others")
  func disconnected() {
    let blocks = Self.blocks(3)
    var machine = start([one, two], members: [one, two])
    _ = machine.handle(.want(session, blocks.map(\.cid)), now: .zero)
    let effects = machine.handle(.disconnected(one), now: .zero)
    #expect(asked(effects, of: two, .block).count == 2)
  }
}
