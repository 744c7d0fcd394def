import Cryptography
import Primitives
import Testing

@testable import UsefulWork

@Suite struct TicketTests {
  private func key(_ number: Int) throws -> PublicKey {
    try SigningKey(seed: SyntheticWork.bytes(UInt64(number)) + Bytes(repeating: 7, count: 24))
      .publicKey
  }

  @discardableResult
  private func buy(
    _ pool: inout TicketPool, _ number: Int, role: TicketRole = .miner, stake: UInt64 = 100,
    preferences: WorkPreferences? = nil, offered: Amount = .tokens(15), at time: UInt64 = 0
  ) throws -> Ticket {
    try pool.buy(
      owner: try key(number), role: role, stake: .tokens(stake),
      preferences: try preferences ?? WorkPreferences(), offered: offered, at: time)
  }

  @Test("the price is 0.8, 1 or 1.5 times the base by the pool's size")
  func price() throws {
    var pool = TicketPool(liveTarget: 10)
    var prices: [String] = []
    for number in 0..<14 {
      prices.append(try pool.price().description)
      try buy(&pool, number)
    }
    // Below 8 tickets, from 8 to 12, above 12.
    #expect(
      prices == [String](repeating: "8", count: 8) + [String](repeating: "10", count: 5) + ["15"])
    #expect(try pool.price() == .tokens(15))
    #expect(throws: TicketError.priceBelowAsked(offered: .tokens(14), asked: .tokens(15))) {
      try buy(&pool, 99, offered: .tokens(14))
    }
  }

  @Test("a ticket lives thirty days")
  func expiry() throws {
    var pool = TicketPool()
    let ticket = try buy(&pool, 1, at: 1_000)
    let end: UInt64 = 1_000 + 30 * 86_400_000
    #expect(ticket.expiresAtMilliseconds == end)
    #expect(!ticket.isLive(at: 999) && ticket.isLive(at: 1_000))
    #expect(ticket.isLive(at: end - 1) && !ticket.isLive(at: end))
    #expect(throws: TicketError.alreadyHeld(ticket.id)) { try buy(&pool, 1, at: end - 1) }
    #expect(try pool.match(WorkPreferences(), role: .miner, count: 5, at: end - 1) == [ticket])
    #expect(try pool.match(WorkPreferences(), role: .miner, count: 5, at: end).isEmpty)
    try buy(&pool, 1, at: end)
    #expect(pool.liveCount == 1)
  }

  @Test("each role needs its stake", arguments: TicketRole.allCases)
  func stake(role: TicketRole) throws {
    var pool = TicketPool()
    let needed = role.minimumStake
    #expect((Amount.tokens(50)...Amount.tokens(1_000)).contains(needed))
    let short = Amount(baseUnits: needed.baseUnits - 1)
    #expect(throws: TicketError.stakeBelowMinimum(held: short, needed: needed)) {
      try pool.buy(
        owner: try key(1), role: role, stake: short, preferences: try WorkPreferences(),
        offered: .tokens(10), at: 0)
    }
    let ticket = try pool.buy(
      owner: try key(1), role: role, stake: needed, preferences: try WorkPreferences(),
      offered: .tokens(10), at: 0)
    #expect(pool.ticket(of: try key(1), role: role) == ticket)
  }

  @Test("model, hardware and data count 0.3, 0.4 and 0.3")
  func score() throws {
    let task = try WorkPreferences(
      modelTypes: ["cnn"], hardware: ["gpu", "avx2"], dataTypes: ["image"])
    func score(_ models: Set<String>, _ hardware: Set<String>, _ data: Set<String>) throws -> Int {
      TicketMatch.score(
        try WorkPreferences(modelTypes: models, hardware: hardware, dataTypes: data), task: task)
    }
    #expect(try score(["cnn", "mlp"], ["gpu", "avx2", "tpu"], ["image"]) == 1_000)
    #expect(try score(["mlp"], ["gpu", "avx2"], ["image"]) == 700)
    #expect(try score(["cnn"], ["avx2"], ["image"]) == 800)
    #expect(try score(["cnn"], [], ["text"]) == 300)
    #expect(try score([], [], []) == 300)
    #expect(TicketMatch.score(try WorkPreferences(), task: try WorkPreferences()) == 700)
  }

  @Test("fit counts 0.7 and stake 0.3, and equal ranks have one order")
  func rank() throws {
    var pool = TicketPool()
    let image = try WorkPreferences(modelTypes: ["cnn"], hardware: ["gpu"], dataTypes: ["image"])
    let text = try WorkPreferences(modelTypes: ["transformer"], dataTypes: ["text"])
    let rich = try buy(&pool, 1, stake: 1_000, preferences: text)
    let fitting = try buy(&pool, 2, stake: 100, preferences: image)
    let middle = try buy(&pool, 3, stake: 500, preferences: image)
    let twin = try buy(&pool, 4, stake: 500, preferences: image)
    let matches = pool.match(image, role: .miner, count: 9, at: 1)
    #expect(matches.prefix(2) == (middle.id < twin.id ? [middle, twin] : [twin, middle]))
    #expect(matches.suffix(2) == [fitting, rich])
    #expect(pool.match(image, role: .miner, count: 1, at: 1).count == 1)
    #expect(pool.match(image, role: .verifier, count: 9, at: 1).isEmpty)
  }

  @Test("a full pool and boundless text are refused")
  func limits() throws {
    var pool = TicketPool(liveTarget: 1)
    for number in 0..<4 { try buy(&pool, number) }
    #expect(throws: TicketError.poolFull(limit: 4)) { try buy(&pool, 4) }
    #expect(throws: TicketError.word(bytes: 65)) {
      try WorkPreferences(hardware: [String(repeating: "x", count: 65)])
    }
    #expect(throws: TicketError.word(bytes: 0)) { try WorkPreferences(dataTypes: [""]) }
    #expect(throws: TicketError.tooManyWords(33)) {
      try WorkPreferences(modelTypes: Set((0..<33).map { "m\($0)" }))
    }
  }

  @Test("tickets survive their canonical bytes, and unsorted words do not")
  func canonical() throws {
    var pool = TicketPool()
    let ticket = try buy(
      &pool, 1,
      preferences: try WorkPreferences(
        modelTypes: ["cnn", "mlp"], hardware: ["gpu"], dataTypes: ["csv"]))
    try expectCanonical(ticket)
    guard case .map(var fields) = ticket.preferences.canonicalValue else { return }
    fields["models"] = .array([.text("mlp"), .text("cnn")])
    #expect(throws: DecodingFailure.self) {
      try WorkPreferences(canonicalValue: .map(fields))
    }
  }
}
