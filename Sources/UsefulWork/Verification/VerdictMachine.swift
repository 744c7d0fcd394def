public import Cryptography
public import Primitives

/// Commit–reveal of a committee's verdicts on one piece of work.
///
/// Commitments are taken until all have come or the deadline passes; only then are openings taken.
/// Nobody sees a verdict before it can no longer be copied.
public struct VerdictMachine: Sendable {
  /// What happens.
  public enum Event: Sendable {
    case committed(PublicKey, Digest, now: Tick)
    case opened(PublicKey, SealedVerdict, now: Tick)
    /// The shell's timer, at least at `nextDeadline`.
    case tick(now: Tick)
  }

  /// What the shell does.
  public enum Effect: Equatable, Sendable {
    /// Tell the committee that openings are taken now.
    case askForOpenings
    /// Tell the sender that its message does not count.
    case refuse(PublicKey, VerdictFault)
    case finished(VerdictResult)
  }

  /// How long each half takes.
  public struct Deadlines: Hashable, Sendable {
    /// For replaying and committing.
    public let commitment: Duration
    /// For opening.
    public let opening: Duration

    /// Two minutes to replay, ten seconds to open.
    public static let standard = Deadlines(commitment: .seconds(120), opening: .seconds(10))

    /// Sets both.
    public init(commitment: Duration, opening: Duration) {
      self.commitment = commitment
      self.opening = opening
    }
  }

  /// Validators of one committee: more add cost and no safety.
  public static let committeeMax = 128

  private enum Phase: Sendable {
    case committing(deadline: Tick)
    case opening(deadline: Tick)
    case finished
  }

  private let work: Digest
  private let committee: [PublicKey]
  private let deadlines: Deadlines
  private var phase: Phase
  private var commitments: [PublicKey: Digest] = [:]
  private var openings: [PublicKey: SealedVerdict] = [:]
  private var mismatches: Set<PublicKey> = []

  /// Begins with commitments.
  public init(
    work: Digest, committee: Set<PublicKey>, deadlines: Deadlines = .standard, now: Tick
  ) {
    precondition((1...Self.committeeMax).contains(committee.count))
    self.work = work
    self.committee = committee.sorted()
    self.deadlines = deadlines
    phase = .committing(deadline: now.advanced(by: deadlines.commitment))
  }

  /// When `tick` is due.
  public var nextDeadline: Tick? {
    switch phase {
    case .committing(let deadline), .opening(let deadline): deadline
    case .finished: nil
    }
  }

  /// Takes one event in.
  public mutating func handle(_ event: Event) -> [Effect] {
    switch event {
    case .committed(let validator, let digest, let now):
      let effects = expire(now: now)
      do {
        try commit(validator, digest)
      } catch {
        return effects + [.refuse(validator, error)]
      }
      return effects + (commitments.count == committee.count ? beginOpening(now: now) : [])
    case .opened(let validator, let verdict, let now):
      let effects = expire(now: now)
      do {
        try open(validator, verdict)
      } catch {
        return effects + [.refuse(validator, error)] + finishIfComplete()
      }
      return effects + finishIfComplete()
    case .tick(let now): return expire(now: now)
    }
  }

  private mutating func expire(now: Tick) -> [Effect] {
    switch phase {
    case .committing(let deadline) where deadline <= now:
      return commitments.isEmpty ? finish() : beginOpening(now: now)
    case .opening(let deadline) where deadline <= now: return finish()
    case .committing, .opening, .finished: return []
    }
  }

  private mutating func commit(_ validator: PublicKey, _ digest: Digest) throws(VerdictFault) {
    guard committee.contains(validator) else { throw .notOfCommittee }
    guard commitments[validator] == nil else { throw .committedTwice }
    guard case .committing = phase else { throw .commitmentLate }
    commitments[validator] = digest
  }

  private mutating func open(
    _ validator: PublicKey, _ verdict: SealedVerdict
  ) throws(VerdictFault) {
    guard committee.contains(validator) else { throw .notOfCommittee }
    switch phase {
    case .committing: throw .openedEarly
    case .finished: throw .openingLate
    case .opening: break
    }
    guard let commitment = commitments[validator] else { throw .neverCommitted }
    guard openings[validator] == nil, !mismatches.contains(validator) else { throw .openedTwice }
    guard verdict.work == work else { throw .otherWork }
    guard verdict.commitment(of: validator) == commitment else {
      mismatches.insert(validator)
      throw .mismatch
    }
    openings[validator] = verdict
  }

  private mutating func beginOpening(now: Tick) -> [Effect] {
    guard case .committing = phase else { return [] }
    phase = .opening(deadline: now.advanced(by: deadlines.opening))
    return [.askForOpenings]
  }

  private mutating func finishIfComplete() -> [Effect] {
    guard case .opening = phase, openings.count + mismatches.count == commitments.count else {
      return []
    }
    return finish()
  }

  private mutating func finish() -> [Effect] {
    phase = .finished
    let verdicts = committee.map { validator in
      VerdictResult.Entry(validator: validator, finding: finding(of: validator))
    }
    return [.finished(VerdictResult(work: work, entries: verdicts))]
  }

  private func finding(of validator: PublicKey) -> VerdictResult.Finding {
    if let verdict = openings[validator] { return .verdict(verdict) }
    if mismatches.contains(validator) { return .fault(.mismatch) }
    return .fault(commitments[validator] == nil ? .commitmentLate : .openingLate)
  }
}

/// What a committee said.
public struct VerdictResult: Hashable, Sendable {
  /// The work.
  public let work: Digest
  /// One entry for each validator, in the order of keys.
  public let entries: [Entry]

  /// What one validator said or failed to say.
  public struct Entry: Hashable, Sendable {
    /// Who.
    public let validator: PublicKey
    /// What.
    public let finding: Finding
  }

  /// A verdict that counts, or why there is none.
  public enum Finding: Hashable, Sendable {
    case verdict(SealedVerdict)
    case fault(VerdictFault)
  }

  /// Validators that accepted or rejected, in the order of keys.
  public func validators(accepting isAccepted: Bool) -> [PublicKey] {
    entries.compactMap { entry in
      guard case .verdict(let verdict) = entry.finding, verdict.isAccepted == isAccepted else {
        return nil
      }
      return entry.validator
    }
  }

  /// Whether the verdicts differ, so that a dispute has to decide.
  public var isDivided: Bool {
    !validators(accepting: true).isEmpty && !validators(accepting: false).isEmpty
  }
}
