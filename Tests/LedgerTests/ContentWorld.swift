import Cryptography
import Ledger
import Primitives

// Registered content, rewards and deals on the chain of the tests.
extension TestChain {
  static func content(_ text: String) -> ContentID {
    ContentID(codec: .raw, digest: digest(text))
  }

  func registration(
    _ name: String, parents: [(String, UInt32)] = [], price: Amount = .tokens(10),
    royalty: UInt32 = 0
  ) -> ContentRegistration {
    let parents = parents.map {
      ContentParent(content: Self.content($0.0), sharePartsPerMillion: $0.1)
    }
    return ContentRegistration(
      content: Self.content(name), purpose: .model, record: Self.content("record of " + name),
      parents: parents.sorted { $0.content < $1.content }, licence: "Apache-2.0", size: 1 << 20,
      sha256: Self.digest("bytes of " + name),
      terms: ContentTerms(price: price, royaltyPartsPerMillion: royalty))
  }

  mutating func register(
    _ name: String, parents: [(String, UInt32)] = [], price: Amount = .tokens(10),
    royalty: UInt32 = 0, by key: SigningKey
  ) throws {
    let registration = registration(name, parents: parents, price: price, royalty: royalty)
    try run(.content(.register(registration)), by: key)
  }

  func balance(_ key: SigningKey) -> Amount { state.account(key.publicKey).balance }

  func access(_ name: String, times: UInt32 = 1, price: Amount = .tokens(10)) -> TransactionBody {
    .content(
      .recordAccess(ContentAccess(content: Self.content(name), accesses: times, price: price)))
  }

  func rewardOffer(
    _ name: String = "reward", of content: String = "model", deadline: BlockHeight = 1_000
  ) -> RewardOffer {
    RewardOffer(
      name: Self.digest(name), content: Self.content(content), reviewer: evaluator.publicKey,
      reward: .tokens(20), bonus: .tokens(8), reviewPrice: .tokens(1), deadline: deadline)
  }

  /// Bytes of ten and a half pieces.
  static let stored = Bytes((0..<43_008).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) })

  static var storedPieces: StoragePieces {
    var pieces = StoragePieces()
    // In uneven parts, as a file arrives.
    for start in stride(from: 0, to: stored.count, by: 5_000) {
      pieces.append(stored[start..<min(start + 5_000, stored.count)])
    }
    return pieces
  }

  func storageOffer(_ name: String = "storage", samples: UInt32 = 4) -> StorageOffer {
    StorageOffer(
      name: Self.digest(name), content: Self.content("kept"), provider: workers[0].publicKey,
      root: Self.storedPieces.root, size: UInt64(Self.stored.count), pay: .tokens(2), epochs: 3,
      epochBlocks: 12, proofBlocks: 10, samples: samples)
  }

  /// The provider's answer to the deal's challenge, after the block that revealed the link.
  func proof(_ id: OfferID) -> [StoragePieceProof] {
    guard let deal = state.deals[id], let challenge = deal.challenge,
      let link = beacon.link(challenge.link)
    else { return [] }
    let drawn = deal.terms.drawn(by: link, deal: id, epoch: challenge.epoch)
    return Self.storedPieces.proof(of: drawn.map { Int($0) }) {
      Bytes(Self.stored[Int($0.lowerBound)..<Int($0.upperBound)])
    }
  }
}
