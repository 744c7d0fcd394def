import ContentStore
import Cryptography
import Primitives
import Testing

@Suite("Provenance records")
struct ProvenanceTests {
  static func key(_ number: UInt8) throws -> SigningKey {
    try SigningKey(seed: Bytes(repeating: number, count: 32))
  }

  static func content(_ name: String) -> CID {
    ContentBlock(hashing: Bytes(name.utf8), codec: .raw).cid
  }

  static func statement(
    _ name: String, parents: [ProvenanceParent] = [], key: SigningKey
  ) -> ProvenanceStatement {
    ProvenanceStatement(
      content: content(name), purpose: .model, name: name, tags: ["vision", "small", "vision"],
      licence: "MIT", parents: parents, size: 5, sha256: SHA256.hash(Bytes(name.utf8)),
      format: "safetensors", uploader: key.publicKey, createdMilliseconds: 1_700_000_000_000)
  }

  static func record(
    _ name: String, parents: [ProvenanceParent] = [], key number: UInt8 = 1
  ) throws -> ProvenanceRecord {
    let key = try key(number)
    return try #require(
      ProvenanceRecord(signing: statement(name, parents: parents, key: key), key: key))
  }

  @Test("a signed record is a dag-cbor block that is read back and verified")
  func roundTrip() throws {
    let record = try Self.record("model", parents: [ProvenanceParent(content: Self.content("a"))])
    #expect(record.isSignatureValid)
    #expect(record.statement.tags == ["small", "vision"])
    let block = record.block
    #expect(block.cid.codec == .dagCBOR)
    #expect(try ProvenanceRecord(verifying: block.bytes, as: block.cid) == record)
    // Other tools see the links: a record leads to its content and its parents.
    let value = try DagCBOR.decode(block.bytes)
    guard case .map(let map) = value else {
      Issue.record("not a map")
      return
    }
    #expect(map["content"] == .link(Self.content("model")))
  }

  @Test("its bytes are frozen")
  func frozen() throws {
    let record = try Self.record("model")
    #expect("\(record.block.cid)" == "bafyreieqwlelk4wwpx3hjokz7g7or2poao4hzmaq67de5hdkopmkiixiey")
  }

  @Test("no truncation and no flipped bit verifies")
  func damaged() throws {
    let bytes = try Self.record("model").encoded()
    for length in 0..<bytes.count {
      #expect(throws: DecodingFailure.self) {
        try ProvenanceRecord(decoding: Bytes(bytes.prefix(length)))
      }
    }
    for bit in 0..<bytes.count * 8 {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      guard let record = try? ProvenanceRecord(decoding: flipped) else { continue }
      #expect(!record.isSignatureValid, "bit \(bit)")
      #expect(record.encoded() == flipped)
    }
  }

  @Test("a record that another one signed, or of another block, is refused")
  func forged() throws {
    let record = try Self.record("model")
    let other = try Self.key(2)
    #expect(ProvenanceRecord(signing: record.statement, key: other) == nil)
    let block = record.block
    let elsewhere = Self.content("elsewhere")
    #expect(throws: ProvenanceError.content(.digestMismatch(elsewhere))) {
      try ProvenanceRecord(verifying: block.bytes, as: elsewhere)
    }
    guard case .map(var entries) = record.canonicalValue else { return }
    entries["licence"] = .text("none")
    let changed = ContentBlock(hashing: CanonicalValue.map(entries).encoded(), codec: .dagCBOR)
    #expect(throws: ProvenanceError.badSignature(changed.cid)) {
      try ProvenanceRecord(verifying: changed.bytes, as: changed.cid)
    }
  }

  @Test("fields over their limits and control characters are never signed")
  func limits() throws {
    let key = try Self.key(1)
    let changes: [(inout ProvenanceStatement) -> Void] = [
      { $0.name = String(repeating: "n", count: 256) }, { $0.name = "a\u{1b}[2J" },
      { $0.licence = String(repeating: "l", count: 65) }, { $0.tags = ["b", "a"] },
      { $0.tags = [""] }, { $0.tags = (0..<33).map { "tag\($0 + 10)" } },
      { $0.parents = [ProvenanceParent(content: $0.content)] },
      { $0.format = "\u{85}" },
    ]
    for (index, change) in changes.enumerated() {
      var statement = Self.statement("model", key: key)
      change(&statement)
      #expect(ProvenanceRecord(signing: statement, key: key) == nil, "change \(index)")
    }
  }
}

@Suite("The way back to where content came from")
struct ProvenanceWalkTests {
  private typealias Records = [CID: Bytes]

  private func add(
    _ name: String, _ parents: [ProvenanceParent], to records: inout Records
  ) throws -> ProvenanceParent {
    let block = try ProvenanceTests.record(name, parents: parents).block
    records[block.cid] = block.bytes
    return ProvenanceParent(content: ProvenanceTests.content(name), record: block.cid)
  }

  private func walked(
    _ start: ProvenanceParent, _ records: Records, generations: Int = 32, visited: Int = 1_024
  ) throws -> ProvenanceWalk {
    var walk = ProvenanceWalk(
      content: start.content, record: try #require(start.record), generationsMax: generations,
      visitedMax: visited)
    while let wanted = walk.wanted { walk.supply(records[wanted]) }
    return walk
  }

  @Test("each ancestor is found once, on its shortest way")
  func diamond() throws {
    var records: Records = [:]
    let root = try add("root", [], to: &records)
    let left = try add("left", [root], to: &records)
    let right = try add("right", [root], to: &records)
    let bare = ProvenanceParent(content: ProvenanceTests.content("bare"))
    let model = try add("model", [left, right, root, bare], to: &records)
    let nodes = try walked(model, records).nodes
    #expect(nodes.count == 5)
    #expect(nodes[0].generation == 0)
    #expect(nodes.dropFirst().allSatisfy { $0.generation == 1 })
    #expect(nodes.first { $0.content == bare.content }?.finding == .unrecorded)
    let recorded = nodes.count { if case .recorded = $0.finding { true } else { false } }
    #expect(recorded == 4)
  }

  @Test("missing and lying records end their branch, and no other one")
  func damaged() throws {
    var records: Records = [:]
    let root = try add("root", [], to: &records)
    let lost = try add("lost", [root], to: &records)
    let liar = try add("liar", [], to: &records)
    // The record of the liar is said to be that of other content.
    let wrong = ProvenanceParent(content: ProvenanceTests.content("victim"), record: liar.record)
    let good = try add("good", [root], to: &records)
    let model = try add("model", [lost, wrong, good], to: &records)
    records[try #require(lost.record)] = nil
    let nodes = try walked(model, records).nodes
    #expect(nodes.first { $0.content == lost.content }?.finding == .missing)
    let refused = try #require(nodes.first { $0.content == wrong.content })
    #expect(
      refused.finding
        == .refused(
          .otherContent(
            try #require(liar.record), expected: wrong.content, found: liar.content)))
    #expect(nodes.contains { $0.content == root.content && $0.generation == 2 })
  }

  @Test("a long line of ancestors and a crowd of them are cut, and it shows")
  func limits() throws {
    var records: Records = [:]
    var last = try add("0", [], to: &records)
    for generation in 1...20 { last = try add("\(generation)", [last], to: &records) }
    let deep = try walked(last, records, generations: 5)
    #expect(deep.nodes.count == 6)
    #expect(deep.isCut)
    let whole = try walked(last, records)
    #expect(whole.nodes.count == 21)
    #expect(!whole.isCut)
    let few = try walked(last, records, visited: 3)
    #expect(few.nodes.count == 3)
    #expect(few.isCut)
  }
}
