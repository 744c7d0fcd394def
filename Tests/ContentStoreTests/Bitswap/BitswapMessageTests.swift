import ContentStore
import Primitives
import Testing

@Suite("Bitswap messages")
struct BitswapMessageTests {
  private static let file = ContentBlock(hashing: Bytes("hello".utf8), codec: .raw)
  private static let node = ContentBlock(
    hashing: DagPBNode(data: Bytes("x".utf8)).encoded(), codec: .dagPB, version: .v0)

  private static var full: BitswapMessage {
    var message = BitswapMessage(
      wants: [
        .init(file.cid, .block, priority: 7), .init(node.cid, .have, priority: 6),
        .init(node.cid, .cancel, priority: 0, sendsDontHave: false),
      ], isFull: true)
    message.append(file.bytes, as: file.cid)
    message.append(node.bytes, as: node.cid)
    message.presences = [.init(file.cid, isHad: true), .init(node.cid, isHad: false)]
    message.pendingByteCount = 77
    return message
  }

  @Test("a message of everything comes back as it was, its blocks named by their bytes")
  func roundTrip() throws {
    let read = try BitswapMessage(decoding: Self.full.encoded())
    #expect(read == Self.full)
    #expect(read.blocks.compactMap { $0.named() } == [Self.file, Self.node])
  }

  @Test("the bytes are those of boxo's protobuf")
  func bytes() {
    let cid = Self.file.cid
    var message = BitswapMessage(wants: [.init(cid, .have, priority: 3)])
    message.append([1, 2], as: cid)
    message.presences = [.init(cid, isHad: false)]
    let name = cid.bytes
    let entry: Bytes = [0x0a, 36] + name + [0x10, 3, 0x20, 1, 0x28, 1]
    let list: Bytes = [0x0a, UInt8(entry.count)] + entry
    let payload: Bytes = [0x0a, 4, 1, 0x55, 0x12, 32, 0x12, 2, 1, 2]
    let presence: Bytes = [0x0a, 36] + name + [0x10, 1]
    #expect(
      message.encoded()
        == [0x0a, UInt8(list.count)] + list + [0x1a, UInt8(payload.count)] + payload
        + [0x22, UInt8(presence.count)] + presence)
  }

  @Test("older versions carry no presences, no questions, and 1.0.0 no prefixes")
  func olderVersions() throws {
    let middle = try BitswapMessage(decoding: Self.full.encoded(for: .v1r1))
    #expect(middle.presences.isEmpty && middle.wants.map(\.kind) == [.block, .cancel])
    #expect(middle.blocks.compactMap { $0.named() } == [Self.file, Self.node])
    let oldest = try BitswapMessage(decoding: Self.full.encoded(for: .v1r0))
    // The raw block is named as version 0 names things: dag-pb.
    #expect(oldest.blocks.compactMap { $0.named()?.cid.version } == [.v0, .v0])
    #expect(oldest.blocks[1].named() == Self.node)
  }

  @Test("names that cannot be read are passed over, and answered where an answer is waited for")
  func unreadable() throws {
    let strange: Bytes = [1, 0x90, 0x01, 0x12, 32] + Bytes(repeating: 5, count: 32)
    let entry: Bytes = [0x0a, UInt8(strange.count)] + strange + [0x28, 1]
    let list: Bytes = [0x0a, UInt8(entry.count)] + entry
    let read = try BitswapMessage(decoding: [0x0a, UInt8(list.count)] + list)
    #expect(read.wants.isEmpty && read.unreadableWants == [strange])
    var answer = BitswapMessage()
    answer.unreadableAbsent = read.unreadableWants
    #expect(answer.encoded().count == strange.count + 6)
  }

  @Test("a negative priority and unknown fields of each wire type are read")
  func lenient() throws {
    let name = Self.file.cid.bytes
    let negative = Bytes(repeating: 0xff, count: 9) + [0x01]
    let entry: Bytes = [0x0a, UInt8(name.count)] + name + [0x10] + negative
    let list: Bytes = [0x0a, UInt8(entry.count)] + entry
    let unknown: Bytes =
      [0x79] + Bytes(repeating: 1, count: 8) + [0x7d] + Bytes(repeating: 1, count: 4) + [0x78, 1]
      + [0x7a, 1, 1]
    let read = try BitswapMessage(decoding: unknown + [0x0a, UInt8(list.count)] + list)
    #expect(read.wants.map(\.priority) == [-1])
  }

  @Test("every truncation is an error or a shorter message, and flipped bits misname no block")
  func hostile() {
    let bytes = Self.full.encoded()
    for length in 0..<bytes.count {
      #expect((try? BitswapMessage(decoding: Bytes(bytes.prefix(length)))) != Self.full)
    }
    for index in bytes.indices {
      for bit in 0..<8 {
        var flipped = bytes
        flipped[index] ^= 1 << UInt8(bit)
        let read = try? BitswapMessage(decoding: flipped)
        for block in read?.blocks ?? [] {
          guard let named = block.named() else { continue }
          #expect((try? named.cid.verify(named.bytes)) != nil, "byte \(index), bit \(bit)")
        }
      }
    }
  }

  @Test("messages, blocks and lists beyond their limits are refused")
  func limits() {
    let long = Bytes(repeating: 0, count: BitswapLimits.messageByteCountMax + 1)
    #expect(throws: DecodingFailure.self) { try BitswapMessage(decoding: long) }
    var large = BitswapMessage()
    large.append(Bytes(repeating: 0, count: BlockLimits.byteCountMax + 1), as: Self.file.cid)
    #expect(throws: DecodingFailure.self) { try BitswapMessage(decoding: large.encoded()) }
    let many = BitswapMessage(
      wants: Array(
        repeating: .init(Self.file.cid), count: BitswapLimits.entriesPerMessageMax + 1))
    #expect(throws: DecodingFailure.self) { try BitswapMessage(decoding: many.encoded()) }
  }
}
