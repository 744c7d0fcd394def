import ContentStore
import Primitives
import Testing

/// A server with a store of its own, which answers at once.
private struct ServerRig {
  var machine = BitswapServerMachine()
  var store: [CID: Bytes] = [:]
  /// Whether what is sent counts as sent.
  var isSending = true
  var sent: [(peer: BitswapPeer, message: BitswapMessage)] = []

  mutating func handle(_ event: BitswapServerEvent) {
    var events = ArraySlice([event])
    while let event = events.popFirst() {
      for effect in machine.handle(event) {
        switch effect {
        case .lookUp(let cids, let peer):
          events.append(.looked(cids, has: Set(cids.filter { store[$0] != nil }), for: peer))
        case .read(let cids, let peer, let reserved):
          let blocks = store.filter { cids.contains($0.key) }
          events.append(.read(cids, blocks, for: peer, reserved: reserved))
        case .send(let message, let peer):
          sent.append((peer, message))
          if isSending { events.append(.sent(peer, byteCount: message.blockByteCount)) }
        }
      }
    }
  }

  mutating func want(_ wants: [BitswapMessage.Want], by peer: BitswapPeer, isFull: Bool = false) {
    handle(.received(BitswapMessage(wants: wants, isFull: isFull), from: peer))
  }

  func blocks(to peer: BitswapPeer) -> [CID] {
    sent.filter { $0.peer == peer }.flatMap { $0.message.blocks.compactMap { $0.named()?.cid } }
  }

  func presences(to peer: BitswapPeer) -> [BitswapMessage.Presence] {
    sent.filter { $0.peer == peer }.flatMap(\.message.presences)
  }
}

@Suite("Serving bitswap")
struct BitswapServerTests {
  private let one = BitswapPeer(1)
  private let two = BitswapPeer(2)

  private static func blocks(_ count: Int, byteCount: Int = 100) -> [ContentBlock] {
    (0..<count).map { number in
      var bytes = Bytes(repeating: 0, count: byteCount)
      withUnsafeBytes(of: number) { bytes.replaceSubrange(0..<$0.count, with: $0) }
      return ContentBlock(hashing: bytes, codec: .raw)
    }
  }

  private static func rig(_ blocks: [ContentBlock]) -> ServerRig {
    var rig = ServerRig()
    for block in blocks { rig.store[block.cid] = block.bytes }
    return rig
  }

  @Test("a wanted block is sent, a question is answered, and what is missing is said where asked")
  func answers() {
    let blocks = Self.blocks(4)
    var rig = Self.rig(Array(blocks.prefix(2)))
    rig.want(
      [
        .init(blocks[0].cid), .init(blocks[1].cid, .have), .init(blocks[2].cid),
        .init(blocks[3].cid, sendsDontHave: false),
      ], by: one)
    #expect(rig.blocks(to: one) == [blocks[0].cid])
    #expect(
      rig.presences(to: one)
        == [.init(blocks[1].cid, isHad: true), .init(blocks[2].cid, isHad: false)])
    #expect(rig.machine.wantCount(of: one) == 2)
  }

  @Test("a block that comes later is sent to who still waits, and not to who gave it up")
  func later() {
    let blocks = Self.blocks(2)
    var rig = Self.rig([])
    rig.want([.init(blocks[0].cid), .init(blocks[1].cid, .have)], by: one)
    rig.want([.init(blocks[0].cid)], by: two)
    rig.want([.init(blocks[0].cid, .cancel)], by: two)
    for block in blocks { rig.store[block.cid] = block.bytes }
    rig.handle(.stored(blocks.map(\.cid)))
    #expect(rig.blocks(to: one) == [blocks[0].cid] && rig.blocks(to: two).isEmpty)
    #expect(rig.presences(to: one).contains(.init(blocks[1].cid, isHad: true)))
    #expect(rig.machine.wantCount(of: one) == 0 && rig.machine.wantCount(of: two) == 0)
  }

  @Test("a full wantlist takes the place of what was wanted before")
  func full() {
    let blocks = Self.blocks(3)
    var rig = Self.rig([])
    rig.want(blocks.map { .init($0.cid) }, by: one)
    rig.want([.init(blocks[1].cid)], by: one, isFull: true)
    #expect(rig.machine.wantCount(of: one) == 1)
    rig.handle(.stored(blocks.map(\.cid)))
    rig.want([], by: one, isFull: true)
    #expect(rig.machine.wantCount(of: one) == 0)
  }

  @Test("the highest priority comes first, and of one priority the oldest")
  func priorities() {
    let blocks = Self.blocks(4)
    var rig = Self.rig(blocks)
    rig.want(
      [
        .init(blocks[0].cid, priority: 1), .init(blocks[1].cid, priority: 5),
        .init(blocks[2].cid, priority: 5), .init(blocks[3].cid, priority: 9),
      ], by: one)
    #expect(rig.blocks(to: one) == [3, 1, 2, 0].map { blocks[$0].cid })
  }

  @Test("for a peer that does not read, no more than the limit and a batch is read")
  func outstanding() {
    let blocks = Self.blocks(40, byteCount: 256 << 10)
    var rig = Self.rig(blocks)
    rig.isSending = false
    rig.want(blocks.map { .init($0.cid) }, by: one)
    let waiting = rig.sent.reduce(0) { $0 + $1.message.blockByteCount }
    let limit = BitswapLimits.outstandingByteCountMax + BitswapLimits.batchByteCountMax
    #expect((BitswapLimits.outstandingByteCountMax...limit).contains(waiting))
    // Another one is served meanwhile.
    rig.want([.init(blocks[39].cid)], by: two)
    #expect(rig.blocks(to: two) == [blocks[39].cid])
    rig.isSending = true
    rig.handle(.sent(one, byteCount: waiting))
    #expect(rig.blocks(to: one) == blocks.map(\.cid))
  }

  @Test("peers take turns: a small wish is served within the long one of another")
  func turns() {
    let blocks = Self.blocks(64, byteCount: 256 << 10)
    var rig = Self.rig(blocks)
    rig.isSending = false
    rig.want(blocks.map { .init($0.cid) }, by: one)
    rig.want([.init(blocks[63].cid)], by: two)
    #expect(rig.sent.contains { $0.peer == two })
    rig.isSending = true
    rig.handle(.sent(one, byteCount: 1 << 30))
    #expect(rig.blocks(to: one).count == 64)
  }

  @Test("a peer wants no more than its limit, and is told what is refused")
  func flood() {
    let blocks = Self.blocks(BitswapLimits.wantsPerPeerMax + 10)
    var rig = Self.rig([])
    rig.want(blocks.map { .init($0.cid) }, by: one)
    #expect(rig.machine.wantCount(of: one) == BitswapLimits.wantsPerPeerMax)
    #expect(rig.machine.refusedCount == 10)
    #expect(rig.presences(to: one).count == blocks.count)
    rig.handle(.disconnected(one))
    #expect(rig.machine.wantCount(of: one) == 0)
    rig.handle(.stored(blocks.map(\.cid)))
    #expect(rig.blocks(to: one).isEmpty)
  }

  @Test("a block that is gone or damaged when it is read is said to be missing")
  func gone() {
    let blocks = Self.blocks(1)
    var rig = Self.rig(blocks)
    let effects = rig.machine.handle(
      .received(BitswapMessage(wants: [.init(blocks[0].cid)]), from: one))
    #expect(effects == [.lookUp([blocks[0].cid], for: one)])
    let next = rig.machine.handle(.looked([blocks[0].cid], has: [blocks[0].cid], for: one))
    guard case .read(let cids, _, let reserved)? = next.first else {
      Issue.record("nothing is read")
      return
    }
    rig.handle(.read(cids, [:], for: one, reserved: reserved))
    #expect(rig.presences(to: one) == [.init(blocks[0].cid, isHad: false)])
  }
}
