public import Cryptography
public import Primitives

/// The live tickets of a network, what the next one costs, and who gets a task.
public struct TicketPool: Sendable {
  /// Tickets that the price steers towards.
  public let liveTarget: Int
  /// The price inside the band.
  public let basePrice: Amount
  /// By role and owner; an owner has one live ticket a role.
  private var tickets: [TicketRole: [PublicKey: Ticket]] = [:]

  /// 40,960 tickets.
  public static let liveTargetDefault = 40_960
  /// Ten tokens.
  public static let basePriceDefault = Amount.tokens(10)
  /// Live tickets at most, as a multiple of the target: then new ones wait for an expiry.
  static let fullFactor = 4
  /// The band of the pool's size, in tenths of the target, inside which the base price holds.
  static let bandTenths = 8...12

  /// An empty pool.
  public init(
    liveTarget: Int = Self.liveTargetDefault, basePrice: Amount = Self.basePriceDefault
  ) {
    precondition(liveTarget > 0)
    self.liveTarget = liveTarget
    self.basePrice = basePrice
  }

  /// Live tickets after the last `expire`.
  public var liveCount: Int { tickets.values.reduce(0) { $0 + $1.count } }

  /// The live ticket of an owner in a role.
  public func ticket(of owner: PublicKey, role: TicketRole) -> Ticket? { tickets[role]?[owner] }

  /// base · 1.5 above 1.2 of the target, base · 0.8 below 0.8 of it, else base.
  public func price() throws(TicketError) -> Amount {
    let live = liveCount * 10
    do {
      if live > liveTarget * Self.bandTenths.upperBound {
        return try basePrice.multiplied(by: 3, dividedBy: 2)
      }
      if live < liveTarget * Self.bandTenths.lowerBound {
        return try basePrice.multiplied(by: 4, dividedBy: 5)
      }
      return basePrice
    } catch {
      throw .amountOverflow
    }
  }

  /// Removes what has run out.
  public mutating func expire(at milliseconds: UInt64) {
    tickets = tickets.mapValues { held in held.filter { $0.value.isLive(at: milliseconds) } }
  }

  /// Sells a ticket that is live at once.
  public mutating func buy(
    owner: PublicKey, role: TicketRole, stake: Amount, preferences: WorkPreferences,
    offered: Amount, at milliseconds: UInt64
  ) throws(TicketError) -> Ticket {
    expire(at: milliseconds)
    guard stake >= role.minimumStake else {
      throw .stakeBelowMinimum(held: stake, needed: role.minimumStake)
    }
    let price = try price()
    guard offered >= price else { throw .priceBelowAsked(offered: offered, asked: price) }
    if let held = tickets[role]?[owner] { throw .alreadyHeld(held.id) }
    let limit = liveTarget * Self.fullFactor
    guard liveCount < limit else { throw .poolFull(limit: limit) }
    let ticket = Ticket(
      owner: owner, role: role, stake: stake, preferences: preferences, price: price,
      issuedAtMilliseconds: milliseconds)
    tickets[role, default: [:]][owner] = ticket
    return ticket
  }
}

/// How well a ticket fits a task, in thousandths.
public enum TicketMatch {
  /// The kind of model counts 0.3.
  static let modelWeight = 300
  /// The hardware counts 0.4.
  static let hardwareWeight = 400
  /// The kind of data counts 0.3.
  static let dataWeight = 300
  /// In the ranking the match counts 0.7 and the stake 0.3.
  static let rankWeights = (match: 7, stake: 3)
  private static let whole: UInt128 = 1_000

  /// 0.3 · model + 0.4 · hardware + 0.3 · data.
  ///
  /// Model and data are 1 if a named kind is wanted, ½ if the holder named none, else 0; hardware
  /// is the part of the needed features that the holder has, 1 if none is needed.
  public static func score(_ ticket: WorkPreferences, task: WorkPreferences) -> Int {
    let needed = task.hardware.count
    let had = task.hardware.intersection(ticket.hardware).count
    let hardware = needed == 0 ? hardwareWeight : hardwareWeight * had / needed
    return kind(ticket.modelTypes, task.modelTypes, weight: modelWeight) + hardware
      + kind(ticket.dataTypes, task.dataTypes, weight: dataWeight)
  }

  private static func kind(_ wanted: Set<String>, _ offered: Set<String>, weight: Int) -> Int {
    if wanted.isEmpty || offered.isEmpty { return weight / 2 }
    return wanted.isDisjoint(with: offered) ? 0 : weight
  }

  /// 0.7 · score + 0.3 · stake ÷ the largest stake, in ten-thousandths.
  static func rank(score: Int, stake: Amount, largest: Amount) -> Int {
    var share: UInt128 = 0
    if largest > .zero {
      share =
        (try? Amount(baseUnits: whole).multiplied(
          by: stake.baseUnits, dividedBy: largest.baseUnits
        ).baseUnits) ?? whole
    }
    return rankWeights.match * score + rankWeights.stake * Int(share)
  }
}

extension TicketPool {
  /// The best `count` live tickets of a role for a task, best first; equal ranks by ticket id.
  public func match(
    _ task: WorkPreferences, role: TicketRole, count: Int, at milliseconds: UInt64
  ) -> [Ticket] {
    let live = (tickets[role] ?? [:]).values.filter { $0.isLive(at: milliseconds) }
    let largest = live.map(\.stake).max() ?? .zero
    let ranked = live.map { ticket in
      let score = TicketMatch.score(ticket.preferences, task: task)
      let rank = TicketMatch.rank(score: score, stake: ticket.stake, largest: largest)
      return (rank: rank, id: ticket.id, ticket: ticket)
    }
    return ranked.sorted { ($1.rank, $0.id) < ($0.rank, $1.id) }.prefix(count).map(\.ticket)
  }
}
