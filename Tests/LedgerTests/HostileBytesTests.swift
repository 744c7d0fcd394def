import Cryptography
import Ledger
import Primitives
import Testing

@Suite("Foreign bytes of the ledger")
struct HostileBytesTests {
  /// One example of each thing that is read from strangers, with its reader.
  struct Sample: CustomTestStringConvertible, Sendable {
    let name: String
    let bytes: Bytes
    let reencoded: @Sendable (Bytes) throws -> Bytes
    var testDescription: String { name }

    init<Value: CanonicalCodable>(_ name: String, _ value: Value) {
      self.name = name
      bytes = value.encoded()
      reencoded = { try Value(decoding: $0).encoded() }
    }
  }

  static let samples: [Sample] = {
    guard var chain = try? TestChain(), let job = try? chain.openJob() else { return [] }
    let bodies: [TransactionBody] =
      [
        .transfer(to: chain.client.publicKey, amount: .tokens(1)), .stake(amount: .tokens(2)),
        .unstake(amount: .tokens(2)), .submitJob(chain.submission()),
        .commitWork(chain.commitment(job)), chain.verdict(chain.work(job), .rejected(.notFinite)),
        .slash(chain.work(job), chain.segmentEvidence()),
        .slash(chain.work(job), TestChain.unboundEvidence), chain.settlement(job), .closeJob(job),
      ] + contentBodies(chain)
    let transactions = bodies.compactMap { try? chain.sign($0, by: chain.client) }
    guard transactions.count == bodies.count, let block = chain.blocks.first,
      let proof = chain.state.proof(of: chain.client.publicKey)
    else { return [] }
    return transactions.map { Sample("transaction \($0.body.kind)", $0) } + [
      Sample("block", block), Sample("header", block.header), Sample("genesis", chain.genesis),
      Sample("state proof", proof),
      Sample("account", chain.state.account(chain.client.publicKey)),
    ]
  }()

  private static func contentBodies(_ chain: TestChain) -> [TransactionBody] {
    let offer = OfferID(rewardOf: chain.client.publicKey, name: .zero)
    let content = TestChain.content("model")
    let piece = TestChain.storedPieces.proof(of: [2]) { _ in [1, 2, 3] }
    return [
      .content(.register(chain.registration("model", parents: [("base", 5)]))),
      .content(.changeTerms(ContentTermsChange(content: content, terms: ContentTerms()))),
      chain.access("model"), .reward(.offer(chain.rewardOffer())),
      .reward(.review(ContributionReview(offer: offer, qualityPartsPerMillion: 3))),
      .reward(.close(offer)), .storage(.offer(chain.storageOffer())), .storage(.accept(offer)),
      .storage(.challenge(offer)), .storage(.prove(offer, piece)), .storage(.close(offer)),
    ]
  }

  @Test("there is a sample of every transaction and structure")
  func samplesExist() { #expect(Self.samples.count == 26) }

  @Test("a round trip is exact", arguments: samples)
  func roundTrip(sample: Sample) throws {
    #expect(try sample.reencoded(sample.bytes) == sample.bytes)
  }

  @Test("every truncation is refused", arguments: samples)
  func truncations(sample: Sample) {
    for length in 0..<sample.bytes.count {
      #expect(throws: DecodingFailure.self) {
        try sample.reencoded(Bytes(sample.bytes.prefix(length)))
      }
    }
    #expect(throws: DecodingFailure.self) { try sample.reencoded(sample.bytes + [0]) }
  }

  @Test("a flipped bit is refused, or read as exactly what it says", arguments: samples)
  func bitFlips(sample: Sample) {
    for bit in 0..<sample.bytes.count * 8 {
      var bytes = sample.bytes
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      guard let again = try? sample.reencoded(bytes) else { continue }
      #expect(again == bytes, "bit \(bit)")
    }
  }

  @Test("no flipped bit of a signed transaction passes the signature check")
  func signedFlips() throws {
    let chain = try TestChain()
    let transaction = try chain.sign(
      .transfer(to: chain.coordinator.publicKey, amount: .tokens(1)), by: chain.client)
    let bytes = transaction.encoded()
    #expect(transaction.isSignatureValid)
    var readable = 0
    for bit in 0..<bytes.count * 8 {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      guard let lie = try? Transaction(decoding: flipped) else { continue }
      readable += 1
      #expect(!lie.isSignatureValid, "bit \(bit)")
    }
    #expect(readable > 1_000)
  }

  @Test("an unknown field of a transaction is refused")
  func unknownField() throws {
    let chain = try TestChain()
    let transaction = try chain.sign(.stake(amount: .tokens(1)), by: chain.client)
    guard case .map(var fields) = transaction.canonicalValue else { return }
    fields["memo"] = .text("hello")
    let bytes = CanonicalValue.map(fields).encoded()
    #expect(throws: DecodingFailure.unknownField("memo")) { try Transaction(decoding: bytes) }
  }
}
