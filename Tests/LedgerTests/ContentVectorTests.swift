import Cryptography
import Glibc
import Ledger
import Primitives
import Testing

/// Our own bytes, frozen: Tests/Vectors/ledger-content.json was written by this format's first
/// version.
@Suite("The frozen bytes of orders about content")
struct ContentVectorTests {
  /// The values of the file, computed from the chain of `TestChain`.
  static func computed() throws -> [(name: String, hex: String)] {
    var chain = try TestChain()
    let registration = chain.registration("model", parents: [("base", 250_000)], royalty: 1_000)
    let reward = chain.rewardOffer()
    let storage = chain.storageOffer()
    let (rewardID, storageID) = (
      reward.id(payer: chain.client.publicKey), storage.id(payer: chain.client.publicKey)
    )
    let terms = ContentTermsChange(
      content: registration.content,
      terms: ContentTerms(price: .tokens(2), royaltyPartsPerMillion: 5))
    let bodies: [TransactionBody] = [
      .content(.register(registration)), .content(.changeTerms(terms)),
      chain.access("model", times: 3), .reward(.offer(reward)),
      .reward(.review(ContributionReview(offer: rewardID, qualityPartsPerMillion: 900_000))),
      .reward(.close(rewardID)), .storage(.offer(storage)), .storage(.accept(storageID)),
      .storage(.challenge(storageID)),
      .storage(
        .prove(storageID, TestChain.storedPieces.proof(of: [10]) { _ in [1, 2, 3] })),
      .storage(.close(storageID)),
    ]
    var values = try bodies.map {
      (name: $0.kind, hex: Hex.encode(try chain.sign($0, by: chain.client).encoded()))
    }
    try chain.register("base", by: chain.client)
    try chain.run(.content(.register(registration)), by: chain.client)
    let record = try #require(chain.state.contents[registration.content])
    let drawn = storage.drawn(by: TestChain.digest("link"), deal: storageID, epoch: 7)
    values += [
      ("contentRecord", Hex.encode(record.encoded())), ("stateRoot", chain.state.stateRoot.hex),
      ("rewardId", rewardID.description), ("storageId", storageID.description),
      ("piecesRoot", TestChain.storedPieces.root.hex),
      ("drawn", Hex.encode(drawn.map { UInt8($0) })),
    ]
    return values
  }

  private static func file() throws -> JSONValue {
    let tests = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
    let handle = try #require(fopen("/\(tests)/Vectors/ledger-content.json", "r"))
    defer { fclose(handle) }
    var bytes = Bytes(repeating: 0, count: 1 << 16)
    let count = fread(&bytes, 1, bytes.count, handle)
    return try JSONValue(parsing: Bytes(bytes.prefix(count)))
  }

  @Test("encodings, ids, roots and draws are those of the vector file")
  func frozen() throws {
    let file = try Self.file()
    let computed = try Self.computed()
    #expect(file.members?.count == computed.count + 1)
    for (name, hex) in computed { #expect(file[name]?.text == hex, "\(name)") }
  }

  @Test("the frozen transactions are read back")
  func readBack() throws {
    for (name, hex) in try Self.computed().prefix(11) {
      let transaction = try Transaction(decoding: Hex.decode(hex))
      #expect(transaction.body.kind == name)
      #expect(transaction.isSignatureValid)
    }
  }
}
