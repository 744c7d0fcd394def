package import Cryptography
package import Primitives
package import UsefulWork

/// A signed statement about one local training (docs/specs/commitment-directory.md): what was
/// computed, on which files, and the state root after each segment.
package struct LocalCommitment: Hashable, Sendable {
  /// The version of the format.
  private static let version: UInt64 = 1
  private static let domain = Bytes("martlet/commitment/1".utf8)

  /// What was to be computed.
  package let task: TrainingTask
  /// What came out.
  package let record: WorkRecord
  /// Which files were read, and how.
  package let data: DataDescription
  /// Who says so; nil without a home.
  package let signature: SignedBy?

  /// A key and its signature over everything else.
  package struct SignedBy: Hashable, Sendable {
    /// The node's identity.
    package let key: PublicKey
    /// Over the domain and the digest of the unsigned bytes.
    package let signature: Signature
  }

  /// Collects and signs.
  package init(
    task: TrainingTask, record: WorkRecord, data: DataDescription, signedBy key: SigningKey?
  ) {
    self.task = task
    self.record = record
    self.data = data
    signature = key.map {
      SignedBy(
        key: $0.publicKey, signature: $0.sign(Self.message(task: task, record: record, data: data)))
    }
  }

  /// Whether the signature, if there is one, is right.
  package var isSignatureValid: Bool {
    guard let signature else { return true }
    return signature.key.verify(
      signature.signature, of: Self.message(task: task, record: record, data: data))
  }

  private static func message(
    task: TrainingTask, record: WorkRecord, data: DataDescription
  ) -> Bytes {
    domain + SHA256.hash(CanonicalValue.map(fields(task, record, data)).encoded()).bytes
  }

  private static func fields(
    _ task: TrainingTask, _ record: WorkRecord, _ data: DataDescription
  ) -> [String: CanonicalValue] {
    [
      "version": .unsigned(version), "task": task.canonicalValue,
      "record": record.canonicalValue, "data": data.canonicalValue,
    ]
  }
}

extension LocalCommitment: CanonicalCodable {
  /// A map of all fields; `key` and `signature` are absent without a signature.
  package var canonicalValue: CanonicalValue {
    var fields = Self.fields(task, record, data)
    if let signature {
      fields["key"] = signature.key.canonicalValue
      fields["signature"] = signature.signature.canonicalValue
    }
    return .map(fields)
  }

  /// Reads a commitment; its truth shows in the replay.
  package init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    let version = try fields.unsigned("version")
    guard version == Self.version else {
      throw .malformed(what: "commitment", reason: "version \(version) is unknown")
    }
    task = try fields.nested("task")
    record = try fields.nested("record")
    data = try fields.nested("data")
    if let key = fields.optional("key") {
      signature = SignedBy(
        key: try PublicKey(canonicalValue: key), signature: try fields.nested("signature"))
    } else {
      signature = nil
    }
    try fields.finish()
  }
}
