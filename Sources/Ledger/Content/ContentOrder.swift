public import Primitives

/// New terms for content, from its owner; contents registered before keep the shares they agreed.
public struct ContentTermsChange: Hashable, Sendable {
  /// Which content.
  public let content: ContentID
  /// What it asks from now on.
  public let terms: ContentTerms

  /// Names a change.
  public init(content: ContentID, terms: ContentTerms) {
    self.content = content
    self.terms = terms
  }
}

/// A reader's payment for accesses to one content.
public struct ContentAccess: Hashable, Sendable {
  /// What was read.
  public let content: ContentID
  /// How often.
  public let accesses: UInt32
  /// The price of one access that the reader agrees to; refused if the owner asks another.
  public let price: Amount

  /// Names accesses.
  public init(content: ContentID, accesses: UInt32 = 1, price: Amount) {
    self.content = content
    self.accesses = accesses
    self.price = price
  }

  /// price · accesses.
  public func total() throws(LedgerError) -> Amount {
    try money { () throws(AmountError) in try price.multiplied(by: UInt128(accesses)) }
  }
}

/// What a transaction may order about content.
public enum ContentOrder: Hashable, Sendable {
  /// Registers the sender as the content's creator.
  case register(ContentRegistration)
  /// Changes the terms for the future.
  case changeTerms(ContentTermsChange)
  /// Pays for accesses, split among the creators.
  case recordAccess(ContentAccess)
}

extension ContentOrder: CanonicalOrder {
  var kind: String {
    switch self {
    case .register: "registerContent"
    case .changeTerms: "changeContentTerms"
    case .recordAccess: "recordAccess"
    }
  }

  var feeBase: Amount? {
    switch self {
    case .register, .changeTerms: .zero
    case .recordAccess(let access): (try? access.total()) ?? .zero
    }
  }

  var fields: CanonicalValue {
    switch self {
    case .register(let registration): registration.canonicalValue
    case .changeTerms(let change): change.canonicalValue
    case .recordAccess(let access): access.canonicalValue
    }
  }

  init?(kind: String, fields: CanonicalValue) throws(DecodingFailure) {
    switch kind {
    case "registerContent": self = .register(try ContentRegistration(canonicalValue: fields))
    case "changeContentTerms": self = .changeTerms(try ContentTermsChange(canonicalValue: fields))
    case "recordAccess": self = .recordAccess(try ContentAccess(canonicalValue: fields))
    default: return nil
    }
  }
}

extension ContentTermsChange: CanonicalCodable {
  /// A map of the fields.
  public var canonicalValue: CanonicalValue {
    .map(terms.canonicalEntries.merging(["content": content.canonicalValue]) { first, _ in first })
  }

  /// Reads the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    content = try fields.nested("content")
    terms = try ContentTerms(&fields)
    try fields.finish()
  }
}

extension ContentAccess: CanonicalCodable {
  /// A map of the fields.
  public var canonicalValue: CanonicalValue {
    .map([
      "content": content.canonicalValue, "accesses": .unsigned(UInt64(accesses)),
      "price": price.canonicalValue,
    ])
  }

  /// Reads the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    content = try fields.nested("content")
    accesses = try fields.unsigned32("accesses")
    price = try fields.nested("price")
    try fields.finish()
  }
}
