public import Cryptography
internal import NeuralNetworks
public import Primitives

/// What a validator is asked to check. A trap has exactly this form.
public struct VerificationItem: Hashable, Sendable {
  /// The record to replay.
  public let record: WorkRecord
  /// The trained parameters, little-endian.
  public let update: Bytes
  /// The segments to replay, ascending.
  public let segments: [Int]

  /// Collects the parts.
  public init(record: WorkRecord, update: Bytes, segments: [Int]) {
    self.record = record
    self.update = update
    self.segments = segments
  }

  /// The item's name: SHA-256 of its canonical bytes.
  public var digest: Digest { SHA256.hash(encoded()) }
}

extension VerificationItem: CanonicalCodable {
  /// A map of the parts.
  public var canonicalValue: CanonicalValue {
    .map([
      "record": record.canonicalValue, "update": .bytes(update),
      "segments": .array(segments.map { .unsigned(UInt64($0)) }),
    ])
  }

  /// Reads the map; segments must be ascending and of the record.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    record = try fields.nested("record")
    update = try fields.bytes("update")
    var segments: [Int] = []
    for value in try fields.array("segments") {
      guard case .unsigned(let number) = value, number < UInt64(record.segmentRoots.count),
        segments.last.map({ $0 < Int(number) }) ?? true
      else { throw .malformed(what: "verification item", reason: "wrong segments") }
      segments.append(Int(number))
    }
    self.segments = segments
    try fields.finish()
  }
}

/// Forced errors against lazy validators: some items carry a root that is known to be wrong.
///
/// The draw is a function of a beacon and a secret whose hash was published before, so the
/// dispatcher cannot choose whom to trap, a validator cannot see a trap coming, and anybody can
/// check the draw once the secret is open (docs/specs/useful-work.md §7).
public struct TrapPlan: Sendable {
  private let secret: Digest
  private let beacon: Digest
  /// Traps in a million items.
  public let rate: UInt32

  private static let domain = Bytes("martlet/trap/1".utf8)
  private static let commitmentDomain = Bytes("martlet/trap/secret/1".utf8)

  /// The draws of one beacon.
  public init(secret: Digest, beacon: Digest, rate: UInt32) {
    self.secret = secret
    self.beacon = beacon
    self.rate = min(rate, SamplePlan.fullAudit)
  }

  /// What is published before the beacon appears.
  public static func commitment(to secret: Digest) -> Digest {
    SHA256.hash(commitmentDomain, secret.bytes)
  }

  /// What an item of `task` becomes: itself, or a trap that claims another state at the end of one
  /// segment.
  ///
  /// The segment is one that the validator is asked to replay, so whoever replays finds it; and
  /// record, update and roots still fit each other, so nobody finds it otherwise. An item without
  /// segments is never a trap.
  public func item(
    _ item: VerificationItem, of task: TrainingTask, for validator: PublicKey
  ) -> (item: VerificationItem, isTrap: Bool) {
    let draw = draw("item", item, validator)
    guard !item.segments.isEmpty, item.record.segmentRoots.count == task.segments,
      Self.number(draw) % UInt64(SamplePlan.fullAudit) < UInt64(rate)
    else { return (item, false) }
    let place = Self.number(self.draw("segment", item, validator)) % UInt64(item.segments.count)
    let segment = item.segments[Int(place)]
    let change = self.draw("change", item, validator)
    let isLast = segment == task.segments - 1
    return (isLast ? otherEnd(item, task, change) : otherRoot(item, segment, change), true)
  }

  /// A random root looks like any other until the segment is replayed.
  private func otherRoot(
    _ item: VerificationItem, _ segment: Int, _ change: Digest
  ) -> VerificationItem {
    var roots = item.record.segmentRoots
    roots[segment] = change
    return changed(item, roots: roots, parameters: item.record.finalParameters)
  }

  /// The last root is opened by the update, so one bit of the update changes with it.
  private func otherEnd(
    _ item: VerificationItem, _ task: TrainingTask, _ change: Digest
  ) -> VerificationItem {
    let floats = UInt64(item.update.count / MemoryLayout<Float>.size)
    guard floats > 0 else { return otherRoot(item, task.segments - 1, change) }
    var update = item.update
    // The least bit of a little-endian number keeps it finite.
    update[Int(Self.number(change) % floats) * MemoryLayout<Float>.size] ^= 1
    let parameters = MerkleTree.leafHash(update)
    var roots = item.record.segmentRoots
    roots[roots.count - 1] = StateRoot.root(
      parameters: parameters, optimizer: item.record.finalOptimizer,
      progress: task.schedule.progress(after: task.schedule.steps, order: task.order))
    return changed(
      VerificationItem(record: item.record, update: update, segments: item.segments),
      roots: roots, parameters: parameters)
  }

  private func changed(
    _ item: VerificationItem, roots: [Digest], parameters: Digest
  ) -> VerificationItem {
    let record = WorkRecord(
      task: item.record.task, segmentRoots: roots, finalParameters: parameters,
      finalOptimizer: item.record.finalOptimizer)
    return VerificationItem(record: record, update: item.update, segments: item.segments)
  }

  private func draw(
    _ purpose: String, _ item: VerificationItem, _ validator: PublicKey
  ) -> Digest {
    SHA256.hash(
      Self.domain, Bytes(purpose.utf8), secret.bytes, beacon.bytes, item.digest.bytes,
      validator.bytes)
  }

  private static func number(_ digest: Digest) -> UInt64 {
    digest.bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
  }
}

/// What a trap pays and costs.
public struct TrapStakes: Hashable, Sendable {
  /// For a validator that rejects a trap.
  public let jackpot: Amount
  /// From the stake of a validator that accepts one or is silent.
  public let penalty: Amount

  /// Sets both.
  public init(jackpot: Amount, penalty: Amount) {
    self.jackpot = jackpot
    self.penalty = penalty
  }

  /// What follows from a verdict on a trap.
  public enum Consequence: Hashable, Sendable {
    case pay(Amount)
    case slash(Amount)
  }

  /// Who rejects is paid; who accepts, opens another verdict or is silent is slashed.
  public func consequence(of finding: VerdictResult.Finding) -> Consequence {
    guard case .verdict(let verdict) = finding, !verdict.isAccepted else { return .slash(penalty) }
    return .pay(jackpot)
  }

  /// Whether checking pays better than accepting blindly:
  /// cost < rate · (fee + jackpot + penalty), where the rate is in parts per million.
  public func deters(cost: Amount, fee: Amount, rate: UInt32) -> Bool {
    guard let stakes = try? fee.adding(jackpot).adding(penalty),
      let gain = try? stakes.multiplied(
        by: UInt128(rate), dividedBy: UInt128(SamplePlan.fullAudit))
    else { return false }
    return cost < gain
  }
}
