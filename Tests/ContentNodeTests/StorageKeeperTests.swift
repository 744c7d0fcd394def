import ContentNode
import ContentStore
import Cryptography
import Ledger
import Persistence
import Primitives
import Telemetry
import Testing

@Suite("Keep stored content for pay")
struct StorageKeeperTests {
  private static let fee = Amount(baseUnits: 10)

  /// A deal as the ledger has it: what only blocks can set is read from its encoding.
  private static func deal(
    provider: SigningKey, pay: Amount = .tokens(1), start: UInt64? = 4,
    challenge: (epoch: UInt64, height: UInt64, isProven: Bool)? = nil
  ) throws -> StorageDeal {
    let offer = StorageOffer(
      name: .zero, content: ContentID(codec: .raw, digest: .zero),
      provider: provider.publicKey, root: .zero, size: 10_000, pay: pay, epochs: 3,
      epochBlocks: 20, proofBlocks: 10, samples: 2)
    var fields: [String: CanonicalValue] = [
      "payer": try LibraryWorld.key(2).publicKey.canonicalValue, "terms": offer.canonicalValue,
      "escrow": Amount.tokens(3).canonicalValue, "proven": .unsigned(0),
    ]
    if let start { fields["start"] = .unsigned(start) }
    if let challenge {
      fields["challenge"] = .map([
        "epoch": .unsigned(challenge.epoch), "height": .unsigned(challenge.height),
        "link": .unsigned(1), "proven": .bool(challenge.isProven),
      ])
    }
    return try StorageDeal(canonicalValue: .map(fields))
  }

  private static func id(_ number: UInt8) -> OfferID { OfferID(digest: SHA256.hash([number])) }

  private static func standing(
    _ height: BlockHeight, linksLeft: UInt64 = 9, _ deals: [StorageStanding.Deal]
  ) -> StorageKeeperMachine.Event {
    .standing(
      StorageStanding(height: height, beaconLinksLeft: linksLeft, deals: deals),
      challengeFee: fee)
  }

  @Test("content is checked before the first challenge, then one is asked for in each epoch")
  func challenges() throws {
    let key = try LibraryWorld.key(1)
    var machine = StorageKeeperMachine(provider: key.publicKey)
    let fresh = StorageStanding.Deal(id: Self.id(1), deal: try Self.deal(provider: key))
    #expect(machine.handle(Self.standing(4, [fresh])) == [.check(Self.id(1))])
    #expect(machine.handle(Self.standing(5, [fresh])) == [], "it is checked once an epoch")
    #expect(machine.handle(.checked(Self.id(1), isWhole: true)) == [])
    #expect(machine.handle(Self.standing(5, [fresh])) == [.challenge(Self.id(1))])
    let proven = StorageStanding.Deal(
      id: Self.id(1), deal: try Self.deal(provider: key, challenge: (0, 6, true)))
    #expect(machine.handle(Self.standing(9, [proven])) == [])
    // Epoch 1 begins with block 25.
    #expect(machine.handle(Self.standing(23, [proven])) == [])
    #expect(machine.handle(Self.standing(24, [proven])) == [.challenge(Self.id(1))])
    // Epoch 2 ends with block 64.
    #expect(machine.handle(Self.standing(64, [proven])) == [])
  }

  @Test("no challenge is paid for that earns nothing, cannot be drawn, or is somebody else's")
  func thrift() throws {
    let key = try LibraryWorld.key(1)
    let other = try LibraryWorld.key(2)
    var machine = StorageKeeperMachine(provider: key.publicKey)
    func entry(_ deal: StorageDeal) -> StorageStanding.Deal {
      StorageStanding.Deal(id: Self.id(1), deal: deal)
    }
    let cheap = entry(try Self.deal(provider: key, pay: Self.fee))
    #expect(machine.handle(Self.standing(4, [cheap])) == [])
    let usual = entry(try Self.deal(provider: key))
    #expect(machine.handle(Self.standing(4, linksLeft: 0, [usual])) == [])
    #expect(machine.handle(Self.standing(4, [entry(try Self.deal(provider: other))])) == [])
    let open = entry(try Self.deal(provider: key, start: nil))
    #expect(machine.handle(Self.standing(4, [open])) == [])
    // What is not there is not asked for, and looked for again in the next epoch.
    #expect(machine.handle(Self.standing(4, [usual])) == [.check(Self.id(1))])
    _ = machine.handle(.checked(Self.id(1), isWhole: false))
    #expect(machine.handle(Self.standing(10, [usual])) == [])
    #expect(machine.handle(Self.standing(24, [usual])) == [.check(Self.id(1))])
  }

  @Test("a challenge is answered once its link is known, until its deadline, the soonest first")
  func proofs() throws {
    let key = try LibraryWorld.key(1)
    var machine = StorageKeeperMachine(provider: key.publicKey)
    let link = SHA256.hash([9])
    let late = try Self.deal(provider: key, challenge: (0, 8, false))
    let soon = try Self.deal(provider: key, challenge: (0, 6, false))
    let hidden = StorageStanding.Deal(id: Self.id(1), deal: late)
    #expect(machine.handle(Self.standing(8, [hidden])) == [])
    let deals = [
      StorageStanding.Deal(id: Self.id(1), deal: late, link: link),
      StorageStanding.Deal(id: Self.id(2), deal: soon, link: link),
    ]
    func proof(_ number: UInt8, _ deal: StorageDeal) -> StorageKeeperMachine.Effect {
      .prove(
        Self.id(number),
        pieces: deal.terms.drawn(by: link, deal: Self.id(number), epoch: 0))
    }
    #expect(machine.handle(Self.standing(9, deals)) == [proof(2, soon), proof(1, late)])
    // Block 16 is the last one for the challenge of block 6.
    #expect(machine.handle(Self.standing(15, deals)) == [proof(2, soon), proof(1, late)])
    #expect(machine.handle(Self.standing(16, deals)) == [proof(1, late)])
  }

  @Test("what cannot be read is tried a few times, and checked again before the next fee")
  func unreadable() throws {
    let key = try LibraryWorld.key(1)
    var machine = StorageKeeperMachine(provider: key.publicKey)
    let fresh = StorageStanding.Deal(id: Self.id(1), deal: try Self.deal(provider: key))
    _ = machine.handle(Self.standing(4, [fresh]))
    _ = machine.handle(.checked(Self.id(1), isWhole: true))
    let asked = StorageStanding.Deal(
      id: Self.id(1), deal: try Self.deal(provider: key, challenge: (0, 6, false)),
      link: SHA256.hash([9]))
    var tries = 0
    for height in BlockHeight(7)..<15 {
      tries += machine.handle(Self.standing(height, [asked])).count
      _ = machine.handle(.failed(Self.id(1)))
    }
    #expect(tries == 3)
    #expect(machine.handle(Self.standing(24, [asked])) == [.check(Self.id(1))])
  }

  @Test("a coordinator that is away is reported once, and asked on")
  func away() async throws {
    let world = try LibraryWorld()
    let news = Lock<[StorageNews]>([])
    let ledger = AbsentLedger(account: try LibraryWorld.key(1).publicKey)
    let keeper = StorageKeeper(ledger: ledger, store: world.store) { item in
      news.withLock { $0.append(item) }
    }
    let running = Task { try await keeper.run(every: .milliseconds(1)) }
    while ledger.looks.withLock({ $0 }) < 5 { await Task.yield() }
    running.cancel()
    await #expect(throws: CancellationError.self) { try await running.value }
    #expect(news.withLock { $0 } == [.unreachable(reason: "the order was not sent: away")])
  }

  @Test("a file is proven by its bytes, a directory by those of its archive")
  func pieces() async throws {
    let world = try LibraryWorld()
    let bytes = LibraryWorld.model("m", size: 30_000)
    let file = try ContentAdder(store: world.store).addBlocking(
      path: world.file("m", bytes)
    ).cid
    let folder = try ContentTreeAdder(ContentAdder(store: world.store)).addBlocking(
      path: world.path + "/files"
    ).file.cid
    let archive = world.path + "/files/archive"
    _ = try ContentArchive(store: world.store).exportBlocking(folder, to: archive)
    let archived = try #require(try AtomicFile.read(archive, byteCountMax: 1 << 20))
    let content = StorageContent(store: world.store)
    for (cid, expected) in [(file, bytes), (folder, archived)] {
      let id = try #require(ContentID(cid))
      var whole = StoragePieces()
      whole.append(expected)
      let pieces = try content.piecesBlocking(of: id)
      #expect(pieces.root == whole.root)
      #expect(pieces.size == UInt64(expected.count))
      let offer = StorageOffer(
        name: .zero, content: id, provider: try LibraryWorld.key(1).publicKey,
        root: pieces.root, size: pieces.size, pay: .tokens(1), epochs: 1, epochBlocks: 10,
        proofBlocks: 10, samples: 3)
      // Some twice, and the short one at the end.
      let drawn = [1, 0, offer.pieceCount - 1, 1]
      let proof = try content.proofBlocking(for: offer, pieces: drawn)
      let direct = whole.proof(of: drawn.map { Int($0) }) {
        Bytes(expected[Int($0.lowerBound)..<Int($0.upperBound)])
      }
      #expect(proof == direct)
      var other = offer
      other.root = .zero
      #expect(throws: StorageContentError.self) {
        try content.proofBlocking(for: other, pieces: drawn)
      }
    }
    let missing = ContentID(codec: .raw, digest: SHA256.hash([1, 2, 3]))
    #expect(throws: ContentError.self) { try content.piecesBlocking(of: missing) }
  }
}

/// A coordinator that nobody reaches.
private final class AbsentLedger: StorageLedger {
  let account: AccountID
  let looks = Lock(0)

  init(account: AccountID) { self.account = account }

  private func away() -> OrderError {
    looks.withLock { $0 += 1 }
    return .notSent(reason: "away")
  }

  func record(of id: ContentID) throws -> ContentRecord? { throw away() }
  func royalties(of id: ContentID, accesses: UInt32) throws -> [RoyaltyPart] { throw away() }
  func submit(_ body: TransactionBody) throws -> Digest { throw away() }
  func storageStanding() throws -> StorageStanding { throw away() }
  func fee(for body: TransactionBody) throws -> Amount { throw away() }
}
