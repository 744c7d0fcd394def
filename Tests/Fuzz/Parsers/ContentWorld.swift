import ContentNode
import Cryptography
import Ledger
package import Primitives

extension FuzzedParser {
  /// Registered content, rewards and storage deals.
  static let ledgerContent: [FuzzedParser] = [
    canonical("content-record", as: ContentRecord.self),
    canonical("contribution-reward", as: ContributionReward.self),
    canonical("storage-deal", as: StorageDeal.self),
    FuzzedParser("content-execution") { bytes in
      guard let transaction = try? Transaction(decoding: bytes) else { return }
      ContentWorld.execute(transaction)
    },
    FuzzedParser("deal-list") { bytes in
      guard let json = try? JSONValue(parsing: bytes),
        let standing = try? StorageStanding(json: json)
      else { return }
      for entry in standing.deals {
        var keeper = StorageKeeperMachine(provider: entry.deal.terms.provider)
        _ = keeper.handle(.standing(standing, challengeFee: .zero))
        _ = keeper.handle(.checked(entry.id, isWhole: true))
        _ = keeper.handle(.standing(standing, challengeFee: .zero))
        _ = entry.deal.end
      }
    },
  ]
}

/// A small ledger with content, an offer and a challenged deal, for damaged orders about them.
package struct ContentWorld: Sendable {
  private static let world = try? ContentWorld()

  private let owner: SigningKey
  private let reader: SigningKey
  private let reviewer: SigningKey
  private var state: LedgerState
  private let beacon = BeaconChain(seed: SHA256.hash([2]), count: 9)
  private let stored = Bytes(repeating: 5, count: 9_000)

  private init() throws {
    let keys = try (UInt8(1)...3).map { try SigningKey(seed: Bytes(repeating: $0, count: 32)) }
    (owner, reader, reviewer) = (keys[0], keys[1], keys[2])
    state = try LedgerState(
      genesis: Genesis(
        name: "content",
        accounts: keys.map { GenesisAccount(id: $0.publicKey, balance: .tokens(1_000)) },
        validators: [GenesisValidator(key: reviewer.publicKey, power: 1)],
        beacon: beacon.anchor))
    try seal(.content(.register(registration("base"))), by: owner)
    try seal(.reward(.offer(reward("first"))), by: reader)
    try seal(.storage(.offer(storage("first"))), by: reader)
    try seal(.storage(.accept(deal)), by: owner)
    try seal(.storage(.challenge(deal)), by: owner)
    try seal()
  }

  private func digest(_ text: String) -> Digest { SHA256.hash(Bytes(text.utf8)) }
  private func content(_ name: String) -> ContentID {
    ContentID(codec: .raw, digest: digest(name))
  }

  private func registration(_ name: String, parents: [ContentParent] = []) -> ContentRegistration {
    ContentRegistration(
      content: content(name), purpose: .dataset, record: content("record"), parents: parents,
      licence: "MIT", size: 9_000, sha256: digest("bytes"),
      terms: ContentTerms(price: .tokens(1), royaltyPartsPerMillion: 5_000))
  }

  private func reward(_ name: String) -> RewardOffer {
    RewardOffer(
      name: digest(name), content: content("base"), reviewer: reviewer.publicKey,
      reward: .tokens(2), bonus: .tokens(1), reviewPrice: .tokens(1), deadline: 99)
  }

  private var pieces: StoragePieces {
    var pieces = StoragePieces()
    pieces.append(stored)
    return pieces
  }

  private func storage(_ name: String) -> StorageOffer {
    StorageOffer(
      name: digest(name), content: content("base"), provider: owner.publicKey, root: pieces.root,
      size: UInt64(stored.count), pay: .tokens(1), epochs: 2, epochBlocks: 20, proofBlocks: 10,
      samples: 2)
  }

  private var deal: OfferID { storage("first").id(payer: reader.publicKey) }

  private func sign(_ body: TransactionBody, by key: SigningKey) throws -> Transaction {
    Transaction(
      signing: body, chainID: state.chainID, nonce: state.account(key.publicKey).nonce,
      fee: try state.fee(for: body), key: key)
  }

  private mutating func seal(_ body: TransactionBody? = nil, by key: SigningKey? = nil) throws {
    var transactions: [Transaction] = []
    if let body, let key { transactions.append(try sign(body, by: key)) }
    let proposed = try state.propose(
      transactions, proposer: reviewer.publicKey, timeMilliseconds: 0,
      beaconLink: state.chain.isBeaconDue ? beacon.link(state.chain.beaconIndex + 1) : nil)
    state.commit(proposed)
  }

  /// Executes a transaction as if it were signed; money may move but never appear.
  static func execute(_ transaction: Transaction) {
    guard var state = world?.state,
      let proposed = try? state.propose(
        [transaction], proposer: transaction.sender, timeMilliseconds: 0, beaconLink: nil)
    else { return }
    state.commit(proposed)
    precondition((try? state.countedSupply()) == state.supply)
  }

  /// One order of each kind that is accepted, apart from the early ends of offers.
  private var orders: [(TransactionBody, SigningKey)] {
    let parent = ContentParent(content: content("base"), sharePartsPerMillion: 9_000)
    let reward = reward("first").id(payer: reader.publicKey)
    let drawn = state.deals[deal].flatMap { held in
      held.challenge.flatMap { challenge in
        beacon.link(challenge.link).map {
          held.terms.drawn(by: $0, deal: deal, epoch: challenge.epoch)
        }
      }
    }
    let proof = pieces.proof(of: (drawn ?? []).map { Int($0) }) {
      Bytes(stored[Int($0.lowerBound)..<Int($0.upperBound)])
    }
    let review = ContributionReview(offer: reward, qualityPartsPerMillion: 500_000)
    return [
      (.content(.register(registration("model", parents: [parent]))), owner),
      (
        .content(.changeTerms(ContentTermsChange(content: content("base"), terms: .init()))), owner
      ),
      (.content(.recordAccess(ContentAccess(content: content("base"), price: .tokens(1)))), reader),
      (.reward(.offer(self.reward("second"))), reader), (.reward(.review(review)), reviewer),
      (.reward(.close(reward)), reader), (.storage(.offer(storage("second"))), reader),
      (.storage(.accept(storage("second").id(payer: reader.publicKey))), owner),
      (.storage(.challenge(deal)), reader), (.storage(.prove(deal, proof)), owner),
      (.storage(.close(deal)), owner),
    ]
  }

  /// Inputs to begin with, by parser: `Tests/Fuzz/corpus` was written from them.
  package static func seeds() throws -> [(parser: String, name: String, bytes: Bytes)] {
    guard let world else { return [] }
    var seeds = try world.orders.map { body, key in
      (parser: "content-execution", name: body.kind, bytes: try world.sign(body, by: key).encoded())
    }
    for record in world.state.contents.values {
      seeds.append(("content-record", "base", record.encoded()))
    }
    for reward in world.state.rewards.values {
      seeds.append(("contribution-reward", "open", reward.encoded()))
    }
    for deal in world.state.deals.values {
      seeds.append(("storage-deal", "challenged", deal.encoded()))
    }
    return seeds
  }
}
