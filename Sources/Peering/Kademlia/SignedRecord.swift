package import Cryptography
package import Primitives

/// A value that its owner signs and replaces by a higher sequence: `/martlet/<name>/<peer id>`
/// (docs/specs/kademlia.md, "Signed records").
package struct SignedRecord: Equatable, Sendable {
  /// The first bytes of every such key.
  package static let namespace = "/martlet/"
  /// Letters of a name: long enough to say what it is.
  static let nameBytesMax = 32
  /// First field of what is signed, so that no other signature of ours fits.
  private static let domain = "martlet-dht-record-v1"

  /// What kind of record this is: lower-case letters, digits and hyphens.
  package let name: String
  /// Who owns it.
  package let owner: PeerID
  /// Higher replaces lower.
  package let sequence: UInt64
  /// What it says.
  package let content: Bytes
  private let signature: Signature

  /// Signs a record.
  package init(name: String, sequence: UInt64, content: Bytes, signedBy key: SigningKey) {
    precondition(Self.isName(Bytes(name.utf8)[...]), "`\(name)` cannot name a record")
    self.name = name
    self.sequence = sequence
    self.content = content
    owner = key.publicKey.peerID
    signature = key.sign(
      Self.signed(
        key: Self.key(name: name, owner: owner).bytes, sequence: sequence, content: content))
  }

  /// The key that the owner's record of this name has.
  package static func key(name: String, owner: PeerID) -> KademliaKey {
    KademliaKey(Bytes((namespace + name + "/").utf8) + owner.bytes)
  }

  /// Reads and checks the value found under `key`.
  package init(key: Bytes, value: Bytes) throws(KademliaRecordFault) {
    let head = Bytes(Self.namespace.utf8)
    guard key.starts(with: head) else { throw .unknownNamespace }
    let rest = key.dropFirst(head.count)
    guard let slash = rest.firstIndex(of: UInt8(ascii: "/")), Self.isName(rest[..<slash]),
      let owner = try? PeerID(bytes: Bytes(rest[(slash + 1)...])),
      let ownerKey = owner.publicKey
    else { throw .unknownNamespace }
    self.owner = owner
    name = String(decoding: rest[..<slash], as: UTF8.self)
    do throws(DecodingFailure) {
      var fields = try CanonicalFields(CanonicalValue(decoding: value))
      sequence = try fields.unsigned("sequence")
      content = try fields.bytes("content")
      signature = try fields.nested("signature")
      try fields.finish()
    } catch {
      throw .malformed
    }
    let signed = Self.signed(key: key, sequence: sequence, content: content)
    guard ownerKey.verify(signature, of: signed) else { throw .signatureMismatch }
  }

  private static func isName(_ bytes: ArraySlice<UInt8>) -> Bool {
    (1...nameBytesMax).contains(bytes.count)
      && bytes.allSatisfy {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "-")
      }
  }

  private static func signed(key: Bytes, sequence: UInt64, content: Bytes) -> Bytes {
    CanonicalValue.array([
      .text(domain), .bytes(key), .unsigned(sequence), .bytes(content),
    ]).encoded()
  }

  /// The record as it is stored.
  package var record: KademliaRecord {
    let value = CanonicalValue.map([
      "sequence": .unsigned(sequence), "content": .bytes(content),
      "signature": signature.canonicalValue,
    ])
    return KademliaRecord(key: Self.key(name: name, owner: owner), value: value.encoded())
  }
}

/// The rules of value records, by the first part of their keys.
package enum RecordValidator {
  /// Checks a record and returns its sequence: of two valid records the higher one wins.
  package static func sequence(of record: KademliaRecord) throws(KademliaRecordFault) -> UInt64 {
    guard record.value.count <= KademliaLimits.valueBytesMax else {
      throw .tooLong(bytes: record.value.count, limit: KademliaLimits.valueBytesMax)
    }
    if record.key.bytes.starts(with: IPNSRecord.namespace.utf8) {
      return try ipnsSequence(of: record)
    }
    let publicKeys = Bytes("/pk/".utf8)
    guard record.key.bytes.starts(with: publicKeys) else {
      return try SignedRecord(key: record.key.bytes, value: record.value).sequence
    }
    // A public key is its own proof: its hash is its name (libp2p/specs kad-dht, "Value routing").
    guard !record.value.isEmpty,
      PeerID(protobufKey: record.value).bytes[...] == record.key.bytes.dropFirst(publicKeys.count)
    else { throw .keyMismatch }
    return 0
  }

  /// A record of IPNS, of which how long it counts is left to who resolves the name: here is no
  /// clock that knows the date.
  private static func ipnsSequence(
    of record: KademliaRecord
  ) throws(KademliaRecordFault) -> UInt64 {
    let name = Bytes(record.key.bytes.dropFirst(IPNSRecord.namespace.utf8.count))
    guard let owner = try? PeerID(bytes: name) else { throw .unknownNamespace }
    do throws(IPNSFault) {
      return try IPNSRecord(record.value, of: owner).sequence
    } catch {
      switch error {
      case .tooLong(let bytes, let limit): throw .tooLong(bytes: bytes, limit: limit)
      case .malformed, .notSigned, .fieldsDiffer: throw .malformed
      case .keyMismatch: throw .keyMismatch
      case .signatureMismatch: throw .signatureMismatch
      }
    }
  }
}
