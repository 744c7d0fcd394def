import Cryptography
import Ledger
import Primitives
import Testing

@Suite("Royalties of an access")
struct RoyaltyTests {
  @Test("one payment is split along the parents, and the creator keeps the rest")
  func split() throws {
    var chain = try TestChain()
    try chain.register("root", by: chain.workers[0])
    try chain.register("base", parents: [("root", 500_000)], by: chain.workers[1])
    try chain.register("model", parents: [("base", 300_000)], by: chain.workers[2])
    let before = [0, 1, 2].map { chain.balance(chain.workers[$0]) }
    let reader = chain.balance(chain.client)
    try chain.run(chain.access("model", times: 10), by: chain.client)
    let gains = try [0, 1, 2].map { try chain.balance(chain.workers[$0]).subtracting(before[$0]) }
    #expect(gains == [.tokens(15), .tokens(15), .tokens(70)])
    let fee = Amount(baseUnits: Amount.tokens(100).baseUnits / 1_000)
    #expect(
      try reader.subtracting(chain.balance(chain.client)) == Amount.tokens(100).adding(fee))
    let record = try #require(chain.state.contents[TestChain.content("model")])
    #expect(record.accesses == 10)
    #expect(record.paid == .tokens(100))
    #expect(try chain.state.countedSupply() == chain.state.supply)
  }

  @Test("an ancestor on two ways gets both shares, and base units are never lost")
  func diamond() throws {
    var chain = try TestChain()
    let price = Amount(baseUnits: 101)
    try chain.register("root", by: chain.workers[0])
    try chain.register("left", parents: [("root", 333_333)], by: chain.workers[1])
    try chain.register("right", parents: [("root", 333_333)], by: chain.workers[2])
    try chain.register(
      "model", parents: [("left", 333_333), ("right", 333_333)], price: price,
      by: chain.workers[3])
    let parts = try chain.state.royalties(of: TestChain.content("model"), accesses: 1)
    // 101: 33 to each side, 35 kept; each side gives 10 to the root, which gets them as 20.
    #expect(parts.first == part("model", chain.workers[3], 35))
    #expect(
      Set(parts) == [
        part("model", chain.workers[3], 35), part("left", chain.workers[1], 23),
        part("right", chain.workers[2], 23), part("root", chain.workers[0], 20),
      ])
    #expect(try Amount.sum(parts.map(\.amount)) == price)
  }

  private func part(_ name: String, _ key: SigningKey, _ units: UInt128) -> RoyaltyPart {
    RoyaltyPart(
      content: TestChain.content(name), account: key.publicKey, amount: Amount(baseUnits: units))
  }

  @Test("beyond the last generation the rest stays with that ancestor's creator")
  func depth() throws {
    var chain = try TestChain()
    try chain.register("0", by: chain.workers[0])
    for generation in 1...12 {
      try chain.register(
        "\(generation)", parents: [("\(generation - 1)", 1_000_000)],
        by: chain.workers[generation % 2])
    }
    let parts = try chain.state.royalties(of: TestChain.content("12"), accesses: 3)
    #expect(parts.count == 1)
    #expect(parts.first?.content == TestChain.content("\(12 - LedgerLimits.royaltyGenerationsMax)"))
    #expect(parts.first?.amount == .tokens(30))
  }

  @Test("a wide family costs no more than the named number of ancestors")
  func width() throws {
    var chain = try TestChain()
    let width = LedgerLimits.contentParentsMax
    var level = ["root"]
    try chain.register("root", by: chain.workers[0])
    for generation in 0..<4 {
      let parents = level.map { ($0, UInt32(1_000_000 / width)) }
      let names = (0..<width).map { "\(generation).\($0)" }
      try chain.seal(
        names.enumerated().map { index, name in
          try chain.sign(
            .content(.register(chain.registration(name, parents: parents))),
            by: chain.workers[1], ahead: UInt64(index))
        })
      level = names
    }
    let parents = level.map { ($0, UInt32(1_000_000 / width)) }
    try chain.register("model", parents: parents, by: chain.workers[2])
    let parts = try chain.state.royalties(of: TestChain.content("model"), accesses: 1)
    #expect(parts.count <= 1 + LedgerLimits.royaltyAncestorsMax)
    #expect(try Amount.sum(parts.map(\.amount)) == .tokens(10))
  }

  @Test("who cannot pay, agrees to nothing or names nothing is refused")
  func refusals() throws {
    var chain = try TestChain()
    try chain.register("model", by: chain.workers[0])
    let poor = chain.workers[1]
    #expect(throws: LedgerError.self) {
      try chain.run(chain.access("model"), by: poor)
    }
    #expect(throws: LedgerError.invalidContent(reason: "no accesses")) {
      try chain.run(chain.access("model", times: 0), by: chain.client)
    }
    #expect(throws: LedgerError.unknownContent(TestChain.content("nothing"))) {
      try chain.run(chain.access("nothing"), by: chain.client)
    }
    let huge = ContentAccess(
      content: TestChain.content("model"), accesses: .max, price: Amount(baseUnits: .max))
    #expect(throws: LedgerError.amountOverflow) { _ = try huge.total() }
    #expect(chain.state.contents[TestChain.content("model")]?.accesses == 0)
  }

  @Test("free content counts its accesses and moves no money")
  func free() throws {
    var chain = try TestChain()
    try chain.register("model", price: .zero, by: chain.workers[0])
    let before = chain.balance(chain.workers[0])
    try chain.run(chain.access("model", times: 5, price: .zero), by: chain.client)
    #expect(chain.balance(chain.workers[0]) == before)
    #expect(chain.state.contents[TestChain.content("model")]?.accesses == 5)
  }
}
