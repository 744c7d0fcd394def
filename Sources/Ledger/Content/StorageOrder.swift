import Primitives

/// What a transaction may order about stored content.
public enum StorageOrder: Hashable, Sendable {
  /// Puts the pay of all epochs into escrow.
  case offer(StorageOffer)
  /// The provider's word that it has the content; epoch 0 begins with the next block.
  case accept(OfferID)
  /// Asks for this epoch's proof; the beacon link after it draws the pieces.
  case challenge(OfferID)
  /// Shows the drawn pieces and is paid for the epoch.
  case prove(OfferID, [StoragePieceProof])
  /// Gives back what was not earned.
  case close(OfferID)
}

extension StorageOrder {
  /// Whether the block after it must reveal a link of the beacon.
  public var needsBeacon: Bool {
    switch self {
    case .challenge: true
    case .offer, .accept, .prove, .close: false
    }
  }
}

extension StorageOrder: CanonicalOrder {
  var kind: String {
    switch self {
    case .offer: "offerStorage"
    case .accept: "acceptStorage"
    case .challenge: "challengeStorage"
    case .prove: "proveStorage"
    case .close: "closeStorage"
    }
  }

  /// A challenge pays, since it uses up a beacon link; the rest happens once for each escrowed
  /// epoch.
  var feeBase: Amount? {
    switch self {
    case .offer(let offer): (try? offer.escrow()) ?? .zero
    case .challenge: .zero
    case .accept, .prove, .close: nil
    }
  }

  var fields: CanonicalValue {
    switch self {
    case .offer(let offer): offer.canonicalValue
    case .accept(let id), .challenge(let id), .close(let id):
      .map(["offer": id.canonicalValue])
    case .prove(let id, let pieces):
      .map(["offer": id.canonicalValue, "pieces": .list(pieces)])
    }
  }

  init?(kind: String, fields: CanonicalValue) throws(DecodingFailure) {
    switch kind {
    case "offerStorage": self = .offer(try StorageOffer(canonicalValue: fields))
    case "acceptStorage": self = .accept(try OfferID(onlyIn: fields))
    case "challengeStorage": self = .challenge(try OfferID(onlyIn: fields))
    case "proveStorage": self = try Self.proof(fields)
    case "closeStorage": self = .close(try OfferID(onlyIn: fields))
    default: return nil
    }
  }

  private static func proof(_ value: CanonicalValue) throws(DecodingFailure) -> StorageOrder {
    var fields = try CanonicalFields(value)
    let id: OfferID = try fields.nested("offer")
    let pieces: [StoragePieceProof] = try fields.list("pieces")
    guard pieces.count <= Int(StorageLimits.samplesMax) else {
      throw .tooLarge(what: "pieces", size: pieces.count, limit: Int(StorageLimits.samplesMax))
    }
    try fields.finish()
    return .prove(id, pieces)
  }
}
