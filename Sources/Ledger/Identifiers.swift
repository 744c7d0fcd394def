public import Cryptography
public import Primitives

/// An account is the Ed25519 key that signs for it.
public typealias AccountID = PublicKey

/// The number of a block; genesis is 0, the first block 1.
public typealias BlockHeight = UInt64

/// Domain prefixes of signed and hashed bytes: no bytes of one kind can pass for another kind.
enum LedgerDomain {
  static let transaction = "martlet/tx/1"
  static let job = "martlet/job/1"
  static let genesis = "martlet/genesis/1"
  static let block = "martlet/block/1"
  static let beaconLink = "martlet/beacon/link/1"
  static let beaconValue = "martlet/beacon/value/1"
  static let stateKey = "martlet/state/key/1"
  static let account = "martlet/account/1"
  static let reward = "martlet/reward/1"
  static let storage = "martlet/storage/1"
  static let storageDraw = "martlet/storage/draw/1"

  static func bytes(_ domain: String) -> Bytes { Bytes(domain.utf8) }
}

/// The name of a job: bound to who submitted it, so nobody can take a name before its owner.
public struct JobID: Hashable, Comparable, Sendable {
  /// SHA-256 of domain, submitter and the submitter's own session name.
  public let digest: Digest

  /// Wraps an id that was read.
  public init(digest: Digest) { self.digest = digest }

  /// Derives the id of the job that `submitter` calls `session`.
  public init(submitter: AccountID, session: Digest) {
    digest = SHA256.hash(
      LedgerDomain.bytes(LedgerDomain.job), submitter.bytes, session.bytes)
  }

  /// Orders as byte strings.
  public static func < (left: JobID, right: JobID) -> Bool { left.digest < right.digest }
}

extension JobID: CanonicalCodable, CustomStringConvertible {
  /// A byte string of 32 bytes.
  public var canonicalValue: CanonicalValue { digest.canonicalValue }
  /// Reads a byte string of 32 bytes.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    digest = try Digest(canonicalValue: canonicalValue)
  }
  /// The id in hexadecimal.
  public var description: String { digest.hex }
}

/// One logical client's part in one round of one job: what is accepted and paid once.
public struct WorkSlot: Hashable, Comparable, Sendable {
  /// The job.
  public let job: JobID
  /// The round, from 0.
  public let round: UInt32
  /// The logical client, from 0.
  public let client: UInt32

  /// Names a slot.
  public init(job: JobID, round: UInt32, client: UInt32) {
    self.job = job
    self.round = round
    self.client = client
  }

  /// Orders by job, round and client.
  public static func < (left: WorkSlot, right: WorkSlot) -> Bool {
    (left.job, left.round, left.client) < (right.job, right.round, right.client)
  }
}

/// One worker's attempt at a slot: what is committed, judged and slashed once.
public struct WorkKey: Hashable, Sendable {
  /// The slot.
  public let slot: WorkSlot
  /// The coordinator's count of assignments of this slot, from 0.
  public let attempt: UInt32
  /// Who committed.
  public let worker: AccountID

  /// Names an attempt.
  public init(slot: WorkSlot, attempt: UInt32, worker: AccountID) {
    self.slot = slot
    self.attempt = attempt
    self.worker = worker
  }
}

extension CanonicalFields {
  mutating func unsigned32(_ name: String) throws(DecodingFailure) -> UInt32 {
    UInt32(try count(name, max: Int(UInt32.max)))
  }

  mutating func slot() throws(DecodingFailure) -> WorkSlot {
    WorkSlot(
      job: try nested("job"), round: try unsigned32("round"), client: try unsigned32("client"))
  }

  mutating func workKey() throws(DecodingFailure) -> WorkKey {
    WorkKey(slot: try slot(), attempt: try unsigned32("attempt"), worker: try nested("worker"))
  }

  mutating func optionalNested<Nested: CanonicalCodable>(
    _ name: String, as type: Nested.Type = Nested.self
  ) throws(DecodingFailure) -> Nested? {
    guard let value = optional(name) else { return nil }
    return try Nested(canonicalValue: value)
  }
}

extension WorkSlot {
  var canonicalEntries: [String: CanonicalValue] {
    [
      "job": job.canonicalValue, "round": .unsigned(UInt64(round)),
      "client": .unsigned(UInt64(client)),
    ]
  }
}

extension WorkKey {
  var canonicalEntries: [String: CanonicalValue] {
    var entries = slot.canonicalEntries
    entries["attempt"] = .unsigned(UInt64(attempt))
    entries["worker"] = worker.canonicalValue
    return entries
  }
}
