import ContentStore
import Cryptography
import Primitives
import Testing

@Suite("Requests to keep blocks")
struct HoldRequestTests {
  private static func block(_ number: Int) -> HoldBlock? {
    HoldBlock(digest: SHA256.hash(Bytes("block \(number)".utf8)), byteCount: number)
  }

  @Test("requests and answers come back as they were")
  func roundTrip() throws {
    let blocks = (0..<11).compactMap(Self.block)
    for action in HoldRequest.Action.allCases {
      let request = try #require(HoldRequest(action, blocks))
      #expect(try HoldRequest(decoding: request.encoded()) == request)
    }
    let answers =
      HoldAnswer.Refusal.allCases.map { HoldAnswer.refused($0) } + [
        .held(blocks.map { $0.byteCount % 3 == 0 }, room: 12)
      ]
    for answer in answers {
      #expect(try HoldAnswer(decoding: answer.encoded(), count: 11) == answer)
    }
    let list = HeldList(owner: SigningKey.generate().publicKey.peerID, blocks: blocks)
    #expect(try HeldList(decoding: list.block().bytes) == list)
  }

  @Test("nothing, the same block twice and more than a request may have are refused")
  func limits() throws {
    let block = try #require(Self.block(1))
    #expect(HoldRequest(.keep, []) == nil)
    #expect(HoldRequest(.keep, [block, block]) == nil)
    #expect(HoldRequest(.keep, (0...HoldRequestLimits.blocksMax).compactMap(Self.block)) == nil)
    let large = (0..<49).compactMap {
      HoldBlock(digest: SHA256.hash([UInt8($0)]), byteCount: BlockLimits.byteCountMax)
    }
    #expect(HoldRequest(.keep, large) == nil)
    #expect(HoldRequest(.keep, Array(large.dropLast())) != nil)
    #expect(HoldBlock(digest: block.digest, byteCount: BlockLimits.byteCountMax + 1) == nil)
    #expect(HoldBlock(digest: block.digest, byteCount: -1) == nil)
  }

  @Test("an answer has a bit for each block and none for others")
  func bits() {
    let answer = HoldAnswer.held([true, false, true], room: 0).encoded()
    #expect((try? HoldAnswer(decoding: answer, count: 3)) != nil)
    #expect((try? HoldAnswer(decoding: answer, count: 2)) == nil)
    #expect((try? HoldAnswer(decoding: answer, count: 9)) == nil)
  }

  @Test("truncations and flipped bits are refused, or another message in its one spelling")
  func hostile() throws {
    let request = try #require(HoldRequest(.keep, (0..<4).compactMap(Self.block))).encoded()
    let answer = HoldAnswer.held([true, false, true, true], room: 1 << 40).encoded()
    let list = try HeldList(
      owner: SigningKey.generate().publicKey.peerID, blocks: (0..<4).compactMap(Self.block)
    ).block().bytes
    let parsers: [(Bytes, (Bytes) throws -> Bytes)] = [
      (request, { try HoldRequest(decoding: $0).encoded() }),
      (answer, { try HoldAnswer(decoding: $0, count: 4).encoded() }),
      (list, { try HeldList(decoding: $0).block().bytes }),
    ]
    for (bytes, parse) in parsers {
      for length in 0..<bytes.count { #expect((try? parse(Bytes(bytes.prefix(length)))) == nil) }
      for index in bytes.indices {
        var flipped = bytes
        flipped[index] ^= 0x10
        if let read = try? parse(flipped) { #expect(read == flipped) }
      }
    }
  }

  @Test("losses that a group survives are counted from who keeps its members")
  func losses() {
    let nodes = (0..<6).map { _ in SigningKey.generate().publicKey.peerID }
    let each = nodes.map { [$0] }
    #expect(BackupPlacement.lossesSurvived(keepers: each, needed: 4) == 2)
    #expect(BackupPlacement.lossesSurvived(keepers: Array(each[..<4]), needed: 4) == 0)
    #expect(BackupPlacement.lossesSurvived(keepers: Array(each[..<3]), needed: 4) == nil)
    // One node that keeps three is lost as one.
    let uneven = [[nodes[0]], [nodes[0]], [nodes[0]], [nodes[1]], [nodes[2]], [nodes[3]]]
    #expect(BackupPlacement.lossesSurvived(keepers: uneven, needed: 4) == 0)
    #expect(BackupPlacement.lossesSurvived(keepers: uneven, needed: 3) == 1)
    #expect(BackupPlacement.lossesSurvived(keepers: [[], [nodes[0]]], needed: 1) == 0)
  }
}
