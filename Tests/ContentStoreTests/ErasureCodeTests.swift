import Cryptography
import Primitives
import Testing

@testable import ContentStore

private func randomBytes(_ seed: UInt64, _ count: Int) -> Bytes {
  var random = SplitMix64(seed: seed)
  return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
}

@Suite("Erasure codes")
struct ErasureCodeTests {
  private static let small = ErasureCode(dataCount: 4, parityCount: 2)!

  @Test("parity is that of an independent implementation")
  func reference() throws {
    let cases = try #require(TestFile.json("References/erasure_code.json").elements)
    #expect(cases.count == 6)
    for item in cases {
      let data = try #require(item["data"]?.integer)
      let parityCount = try #require(item["parity"]?.integer)
      let code = try #require(
        ErasureCode(dataCount: Int(data), parityCount: Int(parityCount)))
      let blocks = try #require(item["blocks"]?.elements).map { try Hex.decode($0.text ?? "") }
      let parity = code.parity(of: blocks).map(Hex.encode)
      #expect(parity == item["result"]?.elements?.map { $0.text ?? "" })
    }
  }

  @Test("any blocks of the data's number give all of them, whichever are lost")
  func everyLoss() {
    let code = Self.small
    let data = [100, 7, 0, 64].enumerated().map { randomBytes(UInt64($0.offset), $0.element) }
    let all = data + code.parity(of: data)
    for pattern in 0..<(1 << code.count) {
      let blocks = all.indices.map { pattern >> $0 & 1 == 1 ? all[$0] : nil }
      let restored = code.restored(blocks, byteCount: 100)
      guard pattern.nonzeroBitCount >= code.dataCount else {
        #expect(restored == nil)
        continue
      }
      #expect(zip(restored ?? [], data).allSatisfy { $0.starts(with: $1) }, "\(pattern)")
      #expect(restored?.count == code.dataCount)
    }
  }

  @Test("the largest code outlives as many losses as it has parity blocks")
  func largest() throws {
    let code = try #require(ErasureCode(dataCount: 32, parityCount: 16))
    let data = (0..<32).map { randomBytes(UInt64($0), 50) }
    var all = (data + code.parity(of: data)).map { Optional($0) }
    var random = SplitMix64(seed: 1)
    for lost in Array(0..<48).shuffled(using: &random).prefix(16) { all[lost] = nil }
    #expect(code.restored(all, byteCount: 50) == data)
  }

  @Test("codes outside the limits are none")
  func limits() {
    for (data, parity) in [(0, 1), (33, 1), (1, 0), (1, 17), (-1, -1), (.max, 1)] {
      #expect(ErasureCode(dataCount: data, parityCount: parity) == nil)
    }
    #expect(ErasureCode.standard == ErasureCode(dataCount: 10, parityCount: 4))
  }

  // MARK: - Groups

  private func group(_ count: Int) -> (group: BackupGroup, blocks: [Bytes]) {
    let data = (0..<count).map { number in
      let block = ContentBlock(hashing: randomBytes(UInt64(number), 30 + number), codec: .raw)
      return (cid: block.cid, bytes: block.bytes)
    }
    var parity: [ContentBlock] = []
    let group = BackupGroup(protecting: data, with: Self.small, into: &parity)
    return (group, data.map(\.bytes) + parity.map(\.bytes))
  }

  @Test("a group brings its members back, the short last one too", arguments: 1...4)
  func groups(count: Int) throws {
    let (group, blocks) = group(count)
    #expect(group.members.count == count + 2)
    for pattern in 0..<(1 << blocks.count) {
      let present = blocks.indices.map { pattern >> $0 & 1 == 1 ? blocks[$0] : nil }
      let restored = group.restored(present, with: Self.small)
      if pattern.nonzeroBitCount >= count {
        let lost = blocks.indices.filter { pattern >> $0 & 1 == 0 }
        #expect(restored?.map(\.cid) == lost.map { group.members[$0].cid })
        #expect(restored?.map(\.bytes) == lost.map { blocks[$0] })
      } else {
        #expect(restored == nil)
      }
    }
  }

  @Test("what a group's parity does not give is not taken for a member")
  func lyingParity() {
    var (group, blocks) = group(4)
    blocks[4][0] ^= 1
    var present = blocks.map { Optional($0) }
    present[0] = nil
    present[5] = nil
    #expect(group.restored(present, with: Self.small) == nil)
    // Nor is a block of another size than the manifest says.
    present = self.group(4).blocks
    present[0] = nil
    present[1]?.append(0)
    #expect(group.restored(present, with: Self.small) == nil)
  }

  @Test("manifests and pages come back, and damaged ones are refused or differ")
  func manifests() throws {
    let (group, _) = group(3)
    let page = try BackupPage.block(of: [group])
    #expect(try BackupPage.groups(decoding: page.bytes, Self.small) == [group])
    #expect(throws: DecodingFailure.self) {
      try BackupPage.groups(decoding: page.bytes, .standard)
    }
    let manifest = try BackupManifest(content: page.cid, code: Self.small, pages: [page.cid])
    let block = try manifest.block()
    #expect(try BackupManifest(decoding: block.bytes) == manifest)
    #expect(try block.links() == [page.cid, page.cid])
    for position in block.bytes.indices {
      #expect(throws: DecodingFailure.self) {
        try BackupManifest(decoding: Bytes(block.bytes.prefix(position)))
      }
      var flipped = block.bytes
      flipped[position] ^= 1
      #expect((try? BackupManifest(decoding: flipped)) != manifest)
    }
    for position in page.bytes.indices {
      var flipped = page.bytes
      flipped[position] ^= 1
      #expect((try? BackupPage.groups(decoding: flipped, Self.small)) != [group])
    }
  }

  // MARK: - Placement

  private let peers = (0..<20).map { number in
    try! SigningKey(seed: Bytes(repeating: UInt8(number), count: 32)).publicKey.peerID
  }

  @Test("members lie on different nodes, and each node gets its share")
  func placement() {
    let backup = ContentBlock(hashing: [1], codec: .dagCBOR).cid
    var load: [PeerID: Int] = [:]
    for group in 0..<1_000 {
      let nodes = BackupPlacement.nodes(for: Array(0..<14), of: group, in: backup, among: peers)
      #expect(Set(nodes).count == 14)
      for node in nodes { load[node, default: 0] += 1 }
    }
    // 700 each; 5 standard deviations of a draw without replacement are 73.
    #expect(load.values.allSatisfy { (627...773).contains($0) })
    #expect(BackupPlacement.nodes(for: [0], of: 0, in: backup, among: []) == [])
  }

  @Test("a node that leaves has its members moved, and few others")
  func leaving() {
    let backup = ContentBlock(hashing: [2], codec: .dagCBOR).cid
    let rest = Array(peers.dropFirst())
    for group in 0..<50 {
      let before = BackupPlacement.nodes(for: Array(0..<14), of: group, in: backup, among: peers)
      let lost = before.indices.filter { before[$0] == peers[0] }
      let kept = before.filter { $0 != peers[0] }.reduce(into: [:]) { $0[$1, default: 0] += 1 }
      let moved = BackupPlacement.nodes(
        for: lost, of: group, in: backup, kept: kept, among: rest)
      #expect(moved.count == lost.count)
      #expect(Set(moved).isDisjoint(with: kept.keys))
    }
  }

  @Test("losses that are survived, with more, as many and fewer nodes than members")
  func losses() throws {
    let code = try #require(ErasureCode(dataCount: 4, parityCount: 2))
    let survived = [0, 1, 2, 3, 5, 6, 9].map {
      BackupPlacement.lossesSurvived(of: code, nodeCount: $0)
    }
    #expect(survived == [0, 0, 0, 1, 1, 2, 2])
  }
}
