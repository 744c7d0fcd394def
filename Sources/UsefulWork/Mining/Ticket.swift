public import Cryptography
public import Primitives

/// The right to take part in a role, bought with stake and a price, for a time.
public struct Ticket: Hashable, Sendable {
  /// Who holds it and answers with stake.
  public let owner: PublicKey
  /// What for.
  public let role: TicketRole
  /// What answers for the holder's work.
  public let stake: Amount
  /// What the holder wants.
  public let preferences: WorkPreferences
  /// What it cost.
  public let price: Amount
  /// When it was bought, in milliseconds of the chain's time.
  public let issuedAtMilliseconds: UInt64

  /// Thirty days.
  public static let lifeMilliseconds: UInt64 = 30 * 24 * 3_600 * 1_000

  /// From this moment on it counts no more.
  public var expiresAtMilliseconds: UInt64 {
    let (sum, overflow) = issuedAtMilliseconds.addingReportingOverflow(Self.lifeMilliseconds)
    return overflow ? .max : sum
  }

  /// Whether it counts at a moment.
  public func isLive(at milliseconds: UInt64) -> Bool {
    (issuedAtMilliseconds..<expiresAtMilliseconds).contains(milliseconds)
  }

  /// SHA-256(`martlet/ticket/1` ‖ canonical bytes): its name.
  public var id: Digest { SHA256.hash(Bytes("martlet/ticket/1".utf8), encoded()) }
}

extension Ticket: CanonicalCodable {
  /// A map of the fields.
  public var canonicalValue: CanonicalValue {
    .map([
      "owner": owner.canonicalValue, "role": .text(role.rawValue),
      "stake": stake.canonicalValue, "preferences": preferences.canonicalValue,
      "price": price.canonicalValue, "issued": .unsigned(issuedAtMilliseconds),
    ])
  }

  /// Reads the fields; a stake below the role's is refused.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    owner = try fields.nested("owner")
    guard let role = TicketRole(rawValue: try fields.text("role")) else {
      throw .malformed(what: "ticket", reason: "unknown role")
    }
    self.role = role
    stake = try fields.nested("stake")
    preferences = try fields.nested("preferences")
    price = try fields.nested("price")
    issuedAtMilliseconds = try fields.unsigned("issued")
    try fields.finish()
    guard stake >= role.minimumStake else {
      throw .malformed(what: "ticket", reason: "the stake is below the role's minimum")
    }
  }
}

/// Why a ticket is refused.
public enum TicketError: Error, Equatable, Sendable {
  case tooManyWords(Int)
  case word(bytes: Int)
  case stakeBelowMinimum(held: Amount, needed: Amount)
  case priceBelowAsked(offered: Amount, asked: Amount)
  case poolFull(limit: Int)
  case alreadyHeld(Digest)
  case amountOverflow
}

extension TicketError: CustomStringConvertible {
  /// One lower-case sentence.
  public var description: String {
    switch self {
    case .tooManyWords(let count):
      "\(count) words, the limit is \(WorkPreferences.Limits.wordsMax)"
    case .word(let bytes):
      "a word of \(bytes) bytes is not in 1…\(WorkPreferences.Limits.wordBytesMax)"
    case .stakeBelowMinimum(let held, let needed): "a stake of \(held), the role needs \(needed)"
    case .priceBelowAsked(let offered, let asked): "\(offered) is offered, the price is \(asked)"
    case .poolFull(let limit): "\(limit) tickets are live"
    case .alreadyHeld(let id): "the holder has the live ticket \(id) for this role"
    case .amountOverflow: "an amount is too large"
    }
  }
}
