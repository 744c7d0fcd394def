import Consensus
import Cryptography
import Ledger
import Primitives
import Testing

@Suite("Receipts")
struct ReceiptTests {
  private func receipt() throws -> (Receipt, SealedChain) {
    var chain = try SealedChain()
    try chain.runJob()
    let block = try #require(chain.blocks.last)
    return (try #require(Receipt(of: chain.work().slot, in: block)), chain)
  }

  @Test("a receipt proves a payment against the genesis, and only itself without it")
  func proves() throws {
    let (receipt, chain) = try receipt()
    #expect(receipt.worker == chain.worker.publicKey)
    #expect(receipt.amount == .tokens(2))
    #expect(chain.state.account(receipt.worker).balance == .tokens(2))
    #expect(
      try receipt.verify(trusting: chain.genesis) == .genesis(chainID: chain.genesis.chainID))
    #expect(try receipt.verify() == .selfConsistentOnly)
    let other = try SealedChain(powers: [2]).genesis
    #expect(
      throws: ReceiptError.wrongChain(
        expected: other.chainID, found: chain.genesis.chainID)
    ) { try receipt.verify(trusting: other) }
  }

  @Test("the file form round trips")
  func file() throws {
    let (receipt, _) = try receipt()
    let text = receipt.json.encoded(indented: true)
    #expect(try Receipt(json: JSONValue(parsing: text)) == receipt)
  }

  @Test("a block without the payment gives no receipt")
  func absent() throws {
    let (_, chain) = try receipt()
    #expect(Receipt(of: chain.work(client: 1).slot, in: chain.blocks[4]) == nil)
    #expect(Receipt(of: chain.work().slot, in: chain.blocks[0]) == nil)
  }

  static let lies: [(member: String, value: String)] = [
    ("amount", "3000000000000000000"), ("round", "1"), ("client", "1"),
    ("worker", String(repeating: "ab", count: 32)), ("job", String(repeating: "cd", count: 32)),
    ("height", "4"), ("block", String(repeating: "00", count: 32)),
    ("chainId", String(repeating: "00", count: 32)), ("format", "martlet-receipt-9"),
  ]

  @Test("a readable field that contradicts the evidence is named", arguments: lies)
  func contradicted(member: String, value: String) throws {
    let (receipt, chain) = try receipt()
    let members = try #require(receipt.json.members).map {
      $0.name == member ? JSONValue.Member(member, .string(value)) : $0
    }
    #expect(throws: ReceiptError.self) {
      try Receipt(json: .object(members)).verify(trusting: chain.genesis)
    }
  }

  @Test("no flipped bit of the evidence passes", arguments: ["transaction", "inclusion", "header"])
  func flipped(member: String) throws {
    let (receipt, chain) = try receipt()
    let members = try #require(receipt.json.members)
    let place = try #require(members.firstIndex { $0.name == member })
    let bytes = try Hex.decode(try #require(members[place].value.text))
    for bit in 0..<bytes.count * 8 {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      var changed = members
      changed[place] = JSONValue.Member(member, .string(Hex.encode(flipped)))
      #expect(throws: ReceiptError.self, "bit \(bit)") {
        try Receipt(json: .object(changed)).verify(trusting: chain.genesis)
      }
    }
  }
}
