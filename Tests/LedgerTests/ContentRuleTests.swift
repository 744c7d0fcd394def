import Cryptography
import Ledger
import Primitives
import Testing

@Suite("Registered content on the ledger")
struct ContentRuleTests {
  @Test("the first registration of a CID counts, whoever comes second")
  func firstWins() throws {
    var chain = try TestChain()
    try chain.register("model", by: chain.workers[0])
    let id = TestChain.content("model")
    #expect(chain.state.contents[id]?.owner == chain.workers[0].publicKey)
    #expect(chain.state.contents[id]?.height == 1)
    #expect(throws: LedgerError.contentExists(id)) {
      try chain.register("model", by: chain.workers[1])
    }
    #expect(throws: LedgerError.contentExists(id)) {
      try chain.register("model", by: chain.workers[0])
    }
  }

  @Test("content is proven under the state root, and nothing else is")
  func proven() throws {
    var chain = try TestChain()
    try chain.register("model", by: chain.workers[0])
    try chain.register("other", by: chain.workers[0])
    let id = TestChain.content("model")
    let record = try #require(chain.state.contents[id])
    let proof = try #require(chain.state.proof(of: id))
    #expect(proof.proves(record, of: id, under: chain.state.stateRoot))
    #expect(!proof.proves(record, of: TestChain.content("other"), under: chain.state.stateRoot))
    let other = try #require(chain.state.contents[TestChain.content("other")])
    #expect(!proof.proves(other, of: id, under: chain.state.stateRoot))
    #expect(chain.state.proof(of: TestChain.content("nothing")) == nil)
    try chain.run(chain.access("model"), by: chain.client)
    #expect(!proof.proves(record, of: id, under: chain.state.stateRoot))
  }

  @Test("parents are registered before, in order, and get at least the share they ask for")
  func parents() throws {
    var chain = try TestChain()
    #expect(throws: LedgerError.unknownContent(TestChain.content("base"))) {
      try chain.register("model", parents: [("base", 1)], by: chain.workers[0])
    }
    try chain.register("base", royalty: 100_000, by: chain.workers[0])
    try chain.register("data", royalty: 0, by: chain.workers[1])
    #expect(throws: LedgerError.shareTooLow(offered: 99_999, asked: 100_000)) {
      try chain.register("model", parents: [("base", 99_999)], by: chain.workers[2])
    }
    var wrong = chain.registration("model", parents: [("base", 100_000), ("data", 0)])
    wrong.parents.reverse()
    #expect(throws: LedgerError.invalidContent(reason: "the parents are not in order")) {
      try chain.run(.content(.register(wrong)), by: chain.workers[2])
    }
    #expect(throws: LedgerError.invalidContent(reason: "the parents' shares are above one")) {
      try chain.register(
        "model", parents: [("base", 600_000), ("data", 400_001)], by: chain.workers[2])
    }
    try chain.register(
      "model", parents: [("base", 600_000), ("data", 400_000)], by: chain.workers[2])
  }

  @Test("a record that makes no sense is refused")
  func senseless() throws {
    let chain = try TestChain()
    var long = chain.registration("model")
    long.licence = String(repeating: "x", count: 65)
    var control = chain.registration("model")
    control.licence = "MIT\n"
    var large = chain.registration("model")
    large.size = LedgerLimits.contentBytesMax + 1
    for registration in [long, control, large] {
      let transaction = try chain.sign(.content(.register(registration)), by: chain.client)
      #expect(throws: LedgerError.self) { try chain.state.validate(transaction) }
    }
  }

  @Test("only the owner changes the terms, and what was agreed before stays")
  func terms() throws {
    var chain = try TestChain()
    try chain.register("base", royalty: 100_000, by: chain.workers[0])
    try chain.register("model", parents: [("base", 100_000)], by: chain.workers[1])
    let change = TransactionBody.content(
      .changeTerms(
        ContentTermsChange(
          content: TestChain.content("base"),
          terms: ContentTerms(price: .tokens(7), royaltyPartsPerMillion: 500_000))))
    #expect(throws: LedgerError.notContentOwner) { try chain.run(change, by: chain.client) }
    try chain.run(change, by: chain.workers[0])
    let parts = try chain.state.royalties(of: TestChain.content("model"), accesses: 1)
    #expect(parts.map(\.amount) == [.tokens(9), .tokens(1)])
    #expect(throws: LedgerError.shareTooLow(offered: 100_000, asked: 500_000)) {
      try chain.register("late", parents: [("base", 100_000)], by: chain.workers[1])
    }
    #expect(throws: LedgerError.priceChanged(offered: .tokens(10), asked: .tokens(7))) {
      try chain.run(chain.access("base"), by: chain.client)
    }
    try chain.run(chain.access("base", price: .tokens(7)), by: chain.client)
  }

  @Test("every sample of the new structures is read back, and truncated ones never")
  func structures() throws {
    var chain = try TestChain()
    try chain.register("model", by: chain.workers[0])
    let record = try #require(chain.state.contents[TestChain.content("model")])
    #expect(try ContentRecord(decoding: record.encoded()) == record)
    for length in 0..<record.encoded().count {
      #expect(throws: DecodingFailure.self) {
        try ContentRecord(decoding: Bytes(record.encoded().prefix(length)))
      }
    }
  }

  @Test("only CIDs of version 1 with SHA-256 and a known codec name content")
  func names() throws {
    let good = TestChain.content("model").bytes
    #expect(try ContentID(bytes: good).bytes == good)
    for (place, value): (Int, UInt8) in [(0, 0), (1, 0x72), (2, 0x11), (3, 31)] {
      var bad = good
      bad[place] = value
      #expect(throws: DecodingFailure.self) { try ContentID(bytes: bad) }
    }
    for length in 0..<good.count {
      #expect(throws: DecodingFailure.self) { try ContentID(bytes: good.prefix(length)) }
    }
    #expect(throws: DecodingFailure.self) { try ContentID(bytes: good + [0]) }
  }
}
