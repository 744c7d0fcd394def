package import Cryptography
package import Primitives

/// Why bytes are no record of a name.
package enum IPNSFault: Error, Equatable, Sendable {
  /// More bytes than a record may have.
  case tooLong(bytes: Int, limit: Int)
  /// Not the protobuf or dag-cbor of a record.
  case malformed
  /// Only signed as records were before version 2, which binds too little.
  case notSigned
  /// No public key, or another one than the name's.
  case keyMismatch
  /// The signature is not by the name's key.
  case signatureMismatch
  /// The fields outside of the signed part say something else than it does.
  case fieldsDiffer
}

/// A record of IPNS: the path that a key's owner says its name stands for
/// (specs.ipfs.tech/ipns/ipns-record).
///
/// What counts is `data`, canonical dag-cbor signed as version 2; the older fields repeat it for
/// readers from before.
package struct IPNSRecord: Equatable, Sendable {
  /// The largest record (specification, "Record Size Limit").
  package static let byteCountMax = 10 << 10
  /// The first bytes of the key that a record has in a distributed hash table.
  package static let namespace = "/ipns/"
  private static let signedPrefix = Bytes("ipns-signature:".utf8)
  /// The one way in which validity is told: the moment at which it ends.
  private static let endOfLife: UInt64 = 0

  private enum Field {
    static let value = 1
    static let signatureV1 = 2
    static let validityType = 3
    static let validity = 4
    static let sequence = 5
    static let timeToLive = 6
    static let publicKey = 7
    static let signatureV2 = 8
    static let data = 9
  }

  /// What the name stands for: a path such as `/ipfs/CID`.
  package let value: Bytes
  /// Higher replaces lower.
  package let sequence: UInt64
  /// Until when the record counts.
  package let validUntil: RecordTime
  /// How long, in nanoseconds, who has the record need not look for a newer one.
  package let timeToLive: UInt64
  /// The record as it travels.
  package let bytes: Bytes

  /// The key under which a name's record lies in a distributed hash table.
  package static func key(of name: PeerID) -> KademliaKey {
    KademliaKey(Bytes(namespace.utf8) + name.bytes)
  }

  // MARK: Writing

  /// Signs a record.
  package init(
    value: Bytes, sequence: UInt64, validUntil: RecordTime, timeToLive: UInt64,
    signedBy key: SigningKey
  ) {
    self.value = value
    self.sequence = sequence
    self.validUntil = validUntil
    self.timeToLive = timeToLive
    let validity = Bytes(validUntil.text.utf8)
    let data = CanonicalValue.map([
      "Value": .bytes(value), "Validity": .bytes(validity),
      "ValidityType": .unsigned(Self.endOfLife), "Sequence": .unsigned(sequence),
      "TTL": .unsigned(timeToLive),
    ]).encoded()
    var message = ProtobufWriter()
    message.append(Field.value, bytes: value)
    let older = key.sign(value + validity + Bytes("EOL".utf8))
    message.append(Field.signatureV1, bytes: older.bytes)
    message.append(Field.validityType, unsigned: Self.endOfLife)
    message.append(Field.validity, bytes: validity)
    message.append(Field.sequence, unsigned: sequence)
    message.append(Field.timeToLive, unsigned: timeToLive)
    message.append(Field.signatureV2, bytes: key.sign(Self.signedPrefix + data).bytes)
    message.append(Field.data, bytes: data)
    bytes = message.bytes
  }

  // MARK: Reading

  /// Reads the record of `name` and checks it, but for the time until which it counts.
  package init(_ bytes: Bytes, of name: PeerID) throws(IPNSFault) {
    guard bytes.count <= Self.byteCountMax else {
      throw .tooLong(bytes: bytes.count, limit: Self.byteCountMax)
    }
    let fields: ProtobufFields
    do { fields = try ProtobufFields(bytes[...]) } catch { throw .malformed }
    guard let signature = fields.bytes(UInt64(Field.signatureV2)), !signature.isEmpty,
      let data = fields.bytes(UInt64(Field.data)), !data.isEmpty
    else { throw .notSigned }
    let key = try Self.publicKey(in: fields, of: name)
    guard key.verify(signature, of: Self.signedPrefix + data) else { throw .signatureMismatch }
    let validity: Bytes
    do {
      var content = try CanonicalFields(CanonicalValue(decoding: data))
      value = try content.bytes("Value")
      validity = try content.bytes("Validity")
      sequence = try content.unsigned("Sequence")
      timeToLive = try content.unsigned("TTL")
      guard try content.unsigned("ValidityType") == Self.endOfLife else {
        throw IPNSFault.malformed
      }
    } catch { throw .malformed }
    guard let validUntil = RecordTime(validity) else { throw .malformed }
    self.validUntil = validUntil
    self.bytes = bytes
    try checkOlderFields(fields, validity)
  }

  private static func publicKey(
    in fields: ProtobufFields, of name: PeerID
  ) throws(IPNSFault) -> PeerPublicKey {
    guard let bytes = fields.bytes(UInt64(Field.publicKey)) ?? name.inlineKey,
      let key = try? PeerPublicKey(protobuf: bytes), key.peerID == name
    else { throw .keyMismatch }
    return key
  }

  /// Where the fields of version 1 are there, they must say the same: who reads only them must not
  /// be told something else.
  private func checkOlderFields(
    _ fields: ProtobufFields, _ validity: Bytes
  ) throws(IPNSFault) {
    func has(_ field: Int) -> Bool { fields.last[UInt64(field)] != nil }
    guard has(Field.signatureV1) || has(Field.value) else { return }
    guard fields.bytes(UInt64(Field.value)) ?? [] == value,
      fields.bytes(UInt64(Field.validity)) ?? [] == validity,
      fields.unsigned(UInt64(Field.validityType)) ?? 0 == Self.endOfLife,
      fields.unsigned(UInt64(Field.sequence)) ?? 0 == sequence,
      fields.unsigned(UInt64(Field.timeToLive)) ?? 0 == timeToLive
    else { throw .fieldsDiffer }
  }

  // MARK: Choosing

  /// Whether the record counts at a moment.
  package func isValid(at now: RecordTime) -> Bool { now < validUntil }

  /// Whether the record takes the place of another one of its name: a higher sequence does, of one
  /// sequence the one that counts longer (specification, "Record Selection").
  package func replaces(_ other: IPNSRecord) -> Bool {
    (sequence, validUntil) > (other.sequence, other.validUntil)
  }
}
