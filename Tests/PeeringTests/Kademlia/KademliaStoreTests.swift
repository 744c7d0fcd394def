import Cryptography
import Primitives
import Testing

@testable import Peering

/// What a server keeps for others, and what it refuses.
@Suite("Kademlia records")
struct KademliaStoreTests {
  private struct Server {
    var world: KademliaWorld
    let server: PeerHandle

    init(settings: KademliaSettings = .martlet) {
      world = KademliaWorld(seed: 31, settings: settings)
      server = world.add()
    }

    /// The reply or the refusal to one request.
    mutating func ask(
      _ request: KademliaRequest, from peer: PeerHandle, admission: KademliaAdmission = .staked
    ) -> KademliaEffect? {
      var effects: [KademliaEffect] = []
      world.machines[0].handle(
        .request(request, from: peer, admission: admission, call: 1), now: world.now,
        random: &world.random, directory: world.book, effects: &effects)
      return effects.first
    }
  }

  private static func key(_ number: Int) -> KademliaKey { KademliaKey(Bytes("k\(number)".utf8)) }

  @Test("only the sender of ADD_PROVIDER becomes a provider")
  func sender() {
    var server = Server()
    let (honest, liar) = (server.world.add(), server.world.add())
    let add = KademliaRequest.addProvider(Self.key(1), provider: honest)
    #expect(
      server.ask(add, from: liar) == .refuse(.providerIsNotSender, to: liar, call: 1))
    #expect(KademliaRefusal.providerIsNotSender.isMisconduct)
    #expect(server.ask(add, from: honest) == nil)
    let reply = server.ask(.getProviders(Self.key(1)), from: liar)
    #expect(reply == .reply(KademliaResponse(providers: [honest]), to: liar, call: 1))
  }

  @Test("a stranger may place 64 records, a key holds 64, and staked providers take their place")
  func spam() {
    var server = Server()
    let spammer = server.world.add()
    for number in 0..<KademliaLimits.providerRecordsOfStrangerMax {
      let add = KademliaRequest.addProvider(Self.key(number), provider: spammer)
      #expect(server.ask(add, from: spammer, admission: .none) == nil)
    }
    let next = KademliaRequest.addProvider(Self.key(1_000), provider: spammer)
    #expect(
      server.ask(next, from: spammer, admission: .none)
        == .refuse(.tooManyRecordsOfPeer(limit: 64), to: spammer, call: 1))
    let again = KademliaRequest.addProvider(Self.key(3), provider: spammer)
    #expect(server.ask(again, from: spammer, admission: .none) == nil)

    let target = Self.key(5_000)
    func add(_ admission: KademliaAdmission) -> KademliaEffect? {
      let peer = server.world.add()
      let request = KademliaRequest.addProvider(target, provider: peer)
      return server.ask(request, from: peer, admission: admission)
    }
    for _ in 0..<KademliaLimits.providersOfKeyMax { #expect(add(.none) == nil) }
    guard case .refuse(.tooManyProvidersOfKey, _, _) = add(.none) else {
      Issue.record("a full key took one more")
      return
    }
    #expect(add(.staked) == nil)
    let held = server.world.machines[0].providerStore
    #expect(held.providers(of: target.point, at: server.world.now).count == 20)
    #expect(held.count == 128)
  }

  @Test("all strangers together fill at most half of the store, and what ends makes room")
  func totals() {
    var store = ProviderStore()
    let now = KademliaWorld.epoch
    var refused = 0
    let perPeer = KademliaLimits.providerRecordsOfStrangerMax
    let peers = KademliaLimits.providerRecordsOfStrangersMax / perPeer + 1
    for number in 0..<peers * perPeer {
      let point = DistanceKey(words: (UInt64(number), 0, 0, 0))
      do throws(KademliaRefusal) {
        let peer = PeerHandle(UInt32(number / perPeer))
        try store.add(peer, admission: .none, to: point, at: now)
      } catch {
        refused += 1
        #expect(error == .storeFull(limit: KademliaLimits.providerRecordsOfStrangersMax))
      }
    }
    #expect(store.strangersCount == KademliaLimits.providerRecordsOfStrangersMax)
    #expect(refused == peers * perPeer - KademliaLimits.providerRecordsOfStrangersMax)
    #expect(throws: Never.self) {
      try store.add(
        PeerHandle(99_999), admission: .puzzle, to: DistanceKey(words: (1, 1, 1, 1)), at: now)
    }
    let later = now.advanced(by: KademliaLimits.providerValidity)
    store.expire(at: later)
    #expect(
      store.count == KademliaLimits.providerRecordsOfStrangersMax + 1
        - KademliaLimits.recordsExpiredAtOnce)
  }

  @Test("a stranger may not store far from its key's region")
  func placement() {
    var server = Server()
    for _ in 0..<2_000 {
      let peer = server.world.add()
      server.world.handle(.identified(peer, admission: .staked), at: server.server)
    }
    let spammer = server.world.add()
    let own = server.world.book.key(of: server.server)
    func ask(_ shared: Int, _ admission: KademliaAdmission) -> KademliaEffect? {
      let point = own.neighbour(sharing: shared, random: &server.world.random)
      let add = KademliaRequest.addProvider(KademliaKey(point: point), provider: spammer)
      return server.ask(add, from: spammer, admission: admission)
    }
    #expect(ask(0, .none) == .refuse(.outsideRegion, to: spammer, call: 1))
    #expect(ask(9, .none) == nil)
    #expect(ask(0, .puzzle) == nil)
  }

  @Test("a client answers nothing")
  func client() {
    var settings = KademliaSettings.martlet
    settings.serves = false
    var server = Server(settings: settings)
    let peer = server.world.add()
    #expect(
      server.ask(.findNode(Self.key(1)), from: peer)
        == .refuse(.notServing, to: peer, call: 1))
  }

  private static func signed(_ sequence: UInt64, _ content: Bytes = [1]) throws -> SignedRecord {
    let owner = try SigningKey(seed: Bytes(repeating: 7, count: 32))
    return SignedRecord(name: "pool", sequence: sequence, content: content, signedBy: owner)
  }

  @Test("an old record replayed is refused, and a read keeps the newer")
  func replay() throws {
    var server = Server()
    let peer = server.world.add()
    let (old, new) = (try Self.signed(4).record, try Self.signed(5).record)
    #expect(
      server.ask(.putValue(new), from: peer)
        == .reply(KademliaResponse(record: new), to: peer, call: 1))
    #expect(
      server.ask(.putValue(old), from: peer)
        == .refuse(.staleRecord(held: 5, offered: 4), to: peer, call: 1))
    #expect(
      server.ask(.getValue(old.key), from: peer)
        == .reply(KademliaResponse(record: new), to: peer, call: 1))
  }

  @Test("of two records with one sequence the same one wins in either order")
  func tie() throws {
    let (left, right) = (try Self.signed(5, [1]).record, try Self.signed(5, [2]).record)
    var held: [KademliaRecord?] = []
    for order in [[left, right], [right, left]] {
      var store = ValueStore()
      for record in order {
        try store.put(record, sequence: 5, from: PeerHandle(1), at: KademliaWorld.epoch)
      }
      held.append(store.value(of: left.key.point, at: KademliaWorld.epoch)?.record)
    }
    #expect(held[0] != nil)
    #expect(held[0] == held[1])
  }

  @Test("signed records of other owners, changed ones and cut ones are refused by name")
  func forgeries() throws {
    let record = try Self.signed(4).record
    #expect(try RecordValidator.sequence(of: record) == 4)
    let other = try SigningKey(seed: Bytes(repeating: 8, count: 32)).publicKey.peerID
    let moved = KademliaRecord(
      key: SignedRecord.key(name: "pool", owner: other), value: record.value)
    #expect(throws: KademliaRecordFault.signatureMismatch) {
      try RecordValidator.sequence(of: moved)
    }
    for bit in 0..<record.value.count * 8 {
      var value = record.value
      value[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(throws: KademliaRecordFault.self) {
        try RecordValidator.sequence(of: KademliaRecord(key: record.key, value: value))
      }
    }
    for length in 0..<record.value.count {
      let cut = KademliaRecord(key: record.key, value: Bytes(record.value.prefix(length)))
      #expect(throws: KademliaRecordFault.malformed) { try RecordValidator.sequence(of: cut) }
    }
    for name in ["/martlet/", "/martlet/Pool/", "/martlet//", "/ipns/x", ""] {
      let unknown = KademliaRecord(key: KademliaKey(Bytes(name.utf8)), value: record.value)
      #expect(throws: KademliaRecordFault.unknownNamespace) {
        try RecordValidator.sequence(of: unknown)
      }
    }
  }

  @Test("a public key is a record only under the id that it hashes to")
  func publicKeys() throws {
    let key = try SigningKey(seed: Bytes(repeating: 9, count: 32)).publicKey
    let name = KademliaKey(Bytes("/pk/".utf8) + key.peerID.bytes)
    #expect(
      try RecordValidator.sequence(of: KademliaRecord(key: name, value: key.protobuf)) == 0)
    var changed = key.protobuf
    changed[10] ^= 1
    #expect(throws: KademliaRecordFault.keyMismatch) {
      try RecordValidator.sequence(of: KademliaRecord(key: name, value: changed))
    }
    let huge = Bytes(repeating: 0, count: KademliaLimits.valueBytesMax + 1)
    #expect(throws: KademliaRecordFault.tooLong(bytes: 8_193, limit: 8_192)) {
      try RecordValidator.sequence(of: KademliaRecord(key: name, value: huge))
    }
  }

  @Test("values are limited for each peer and end after 48 hours")
  func valueLimits() throws {
    var store = ValueStore()
    let now = KademliaWorld.epoch
    func record(_ number: Int) -> KademliaRecord {
      KademliaRecord(key: Self.key(number), value: [1])
    }
    for number in 0..<KademliaLimits.valuesOfPeerMax {
      try store.put(record(number), sequence: 0, from: PeerHandle(1), at: now)
    }
    #expect(throws: KademliaRefusal.tooManyRecordsOfPeer(limit: 128)) {
      try store.put(record(200), sequence: 0, from: PeerHandle(1), at: now)
    }
    let later = now.advanced(by: KademliaLimits.valueValidity)
    #expect(store.value(of: Self.key(3).point, at: later) == nil)
    try store.put(record(200), sequence: 0, from: PeerHandle(1), at: later)
    #expect(store.count == 1)
  }
}
