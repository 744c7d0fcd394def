package import Cryptography
package import Primitives

/// The wire form of `/martlet/swim/1.0.0`: docs/specs/membership.md §2.
package enum SWIMProtocol {
  /// The name in multistream-select.
  package static let name = "/martlet/swim/1.0.0"

  /// The bytes that a member signs: its group, itself, its incarnation and whether it leaves.
  package static func attestedBytes(
    group: Bytes, member: PeerID, incarnation: UInt64, leaving: Bool
  ) -> Bytes {
    CanonicalValue.map([
      "domain": .text("martlet/swim/incarnation/1"),
      "group": .bytes(group),
      "member": member.canonicalValue,
      "incarnation": .unsigned(incarnation),
      "leaving": .bool(leaving),
    ]).encoded()
  }

  /// Reads a message of a peer.
  package static func decode(_ bytes: Bytes) throws(DecodingFailure) -> SWIMMessage<PeerID> {
    try SWIMMessage<PeerID>(
      decoding: bytes,
      limits: CanonicalLimits(
        bytesMax: SWIMLimits.messageBytesMax, entriesMax: SWIMLimits.claimsPerPiece))
  }
}

/// The numbers of the verbs on the wire.
private enum VerbCode {
  static let ping: UInt64 = 0
  static let ack: UInt64 = 1
  static let nack: UInt64 = 2
  static let pingRequest: UInt64 = 3
  static let gossip: UInt64 = 4
  static let join: UInt64 = 5
  static let syncRequest: UInt64 = 6
  static let syncPiece: UInt64 = 7
  static let refused: UInt64 = 8
}

extension SWIMClaim: CanonicalCodable where Member == PeerID {
  /// The array [member, incarnation, status, origin, proof].
  package var canonicalValue: CanonicalValue {
    .array([
      member.canonicalValue, .unsigned(incarnation), .unsigned(UInt64(status.rawValue)),
      origin.canonicalValue, .bytes(proof),
    ])
  }

  /// Reads the array.
  package init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    guard case .array(let parts) = canonicalValue, parts.count == 5,
      case .unsigned(let incarnation) = parts[1], case .unsigned(let code) = parts[2],
      case .bytes(let proof) = parts[4]
    else { throw .malformed(what: "claim", reason: "expected five parts") }
    guard let raw = UInt8(exactly: code), let status = SWIMStatus(rawValue: raw) else {
      throw .malformed(what: "claim", reason: "no status has the number \(code)")
    }
    guard proof.count <= SWIMLimits.proofBytesMax else {
      throw .tooLarge(what: "proof", size: proof.count, limit: SWIMLimits.proofBytesMax)
    }
    self.init(
      member: try PeerID(canonicalValue: parts[0]), incarnation: incarnation, status: status,
      origin: try PeerID(canonicalValue: parts[3]), proof: proof)
  }
}

extension SWIMMessage: CanonicalCodable where Member == PeerID {
  /// The array [verb, arguments…, claims].
  package var canonicalValue: CanonicalValue {
    .array(verbValues + [.list(claims)])
  }

  private var verbValues: [CanonicalValue] {
    switch verb {
    case .ping(let sequence, let round):
      [.unsigned(VerbCode.ping), .unsigned(UInt64(sequence)), .unsigned(UInt64(round))]
    case .ack(let sequence, let round):
      [.unsigned(VerbCode.ack), .unsigned(UInt64(sequence)), .unsigned(UInt64(round))]
    case .nack(let sequence): [.unsigned(VerbCode.nack), .unsigned(UInt64(sequence))]
    case .pingRequest(let sequence, let target):
      [.unsigned(VerbCode.pingRequest), .unsigned(UInt64(sequence)), target.canonicalValue]
    case .gossip: [.unsigned(VerbCode.gossip)]
    case .join: [.unsigned(VerbCode.join)]
    case .syncRequest(let place): [.unsigned(VerbCode.syncRequest), .unsigned(UInt64(place))]
    case .syncPiece(let next):
      [.unsigned(VerbCode.syncPiece), next.map { .unsigned(UInt64($0)) } ?? .null]
    case .refused(let reason): [.unsigned(VerbCode.refused), .unsigned(UInt64(reason.rawValue))]
    }
  }

  /// Reads the array.
  package init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    guard case .array(let parts) = canonicalValue, parts.count >= 2,
      case .array(let claimValues) = parts[parts.count - 1]
    else { throw .malformed(what: "membership message", reason: "expected verb and claims") }
    let verb = try Self.verb(Array(parts.dropLast()))
    guard claimValues.count <= verb.claimsMax else {
      throw .tooLarge(what: "claims", size: claimValues.count, limit: verb.claimsMax)
    }
    var claims: [SWIMClaim<PeerID>] = []
    for value in claimValues { claims.append(try SWIMClaim(canonicalValue: value)) }
    self.init(verb, claims: claims)
  }

  private static func verb(
    _ parts: [CanonicalValue]
  ) throws(DecodingFailure) -> SWIMVerb<PeerID> {
    guard case .unsigned(let code) = parts[0] else { throw unknownVerb() }
    switch (code, parts.count) {
    case (VerbCode.ping, 3): return .ping(sequence: try word(parts[1]), round: try word(parts[2]))
    case (VerbCode.ack, 3): return .ack(sequence: try word(parts[1]), round: try word(parts[2]))
    case (VerbCode.nack, 2): return .nack(sequence: try word(parts[1]))
    case (VerbCode.pingRequest, 3):
      return .pingRequest(
        sequence: try word(parts[1]), target: try PeerID(canonicalValue: parts[2]))
    case (VerbCode.gossip, 1): return .gossip
    case (VerbCode.join, 1): return .join
    case (VerbCode.syncRequest, 2): return .syncRequest(from: try word(parts[1]))
    case (VerbCode.syncPiece, 2):
      return .syncPiece(next: parts[1] == .null ? nil : try word(parts[1]))
    case (VerbCode.refused, 2):
      guard let raw = UInt8(exactly: try word(parts[1])), let reason = SWIMRefusal(rawValue: raw)
      else { throw unknownVerb() }
      return .refused(reason)
    default: throw unknownVerb()
    }
  }

  private static func word(_ value: CanonicalValue) throws(DecodingFailure) -> UInt32 {
    guard case .unsigned(let number) = value, let word = UInt32(exactly: number) else {
      throw .malformed(what: "membership message", reason: "expected a number of 32 bits")
    }
    return word
  }

  private static func unknownVerb() -> DecodingFailure {
    .malformed(what: "membership message", reason: "an unknown verb or its arguments")
  }
}
