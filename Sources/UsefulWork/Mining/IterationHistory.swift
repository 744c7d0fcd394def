public import Cryptography

/// The newest messages of every miner, in the order of their hash chains, with the height of the
/// chain at which each became known.
public struct IterationHistory: Sendable {
  /// A message and when it was final that it exists.
  public struct Entry: Hashable, Sendable {
    /// The message.
    public let message: IterationMessage
    /// The height of the chain when the message arrived.
    public let height: UInt64
  }

  /// Bounds of what is kept.
  public enum Limits {
    /// Miners with a history; each costs at most `lookaheadMax` messages.
    public static let minersMax = 4_096
    /// Messages beyond the lookahead that a claim may lag behind its miner's newest message.
    public static let claimLagMax = 64
  }

  private struct Chain: Sendable {
    var entries: [Entry] = []
    var next: UInt64 = 0
    var head = Digest.zero
  }

  private let keptMax: Int
  private var chains: [PublicKey: Chain] = [:]

  /// An empty history for commitments `lookahead` messages ahead.
  public init(lookahead: Int) { keptMax = lookahead + Limits.claimLagMax }

  /// The digest of a miner's newest message, zero before the first.
  public func head(of miner: PublicKey) -> Digest { chains[miner]?.head ?? .zero }

  /// The sequence number of a miner's next message.
  public func next(of miner: PublicKey) -> UInt64 { chains[miner]?.next ?? 0 }

  /// Takes the next messages of one miner, or none of them: a gap, a fork or a false signature is
  /// refused. The last signature covers the others through the chain of digests.
  ///
  /// A miner of which nothing is known may begin anywhere, and everybody may begin again at 0:
  /// heights are those of arrival, so whoever does only loses commitments.
  public mutating func append(
    _ messages: [IterationMessage], height: UInt64
  ) throws(MiningError) {
    guard let first = messages.first, let last = messages.last else { return }
    let miner = first.miner
    var chain = chains[miner] ?? Chain(next: first.sequence, head: first.previous)
    guard chains[miner] != nil || chains.count < Limits.minersMax else {
      throw .tooManyMiners(limit: Limits.minersMax)
    }
    if first.sequence == 0, first.previous == .zero { chain = Chain() }
    for message in messages {
      guard message.miner == miner else { throw .otherMiner }
      guard message.sequence == chain.next, message.sequence < .max else {
        throw .sequence(expected: chain.next, found: message.sequence)
      }
      guard message.previous == chain.head else {
        throw .brokenHistory(expected: chain.head, found: message.previous)
      }
      chain.entries.append(Entry(message: message, height: height))
      chain.next += 1
      chain.head = message.digest
    }
    guard last.isSignatureValid else { throw .badSignature }
    chain.entries.removeFirst(max(0, chain.entries.count - keptMax))
    chains[miner] = chain
  }

  /// A kept message of a miner.
  public func entry(of miner: PublicKey, sequence: UInt64) -> Entry? {
    guard let chain = chains[miner], let first = chain.entries.first?.message.sequence,
      sequence >= first, sequence < chain.next
    else { return nil }
    return chain.entries[Int(sequence - first)]
  }

  /// Forgets a miner that left; it begins again at 0.
  public mutating func remove(_ miner: PublicKey) { chains[miner] = nil }
}

/// One segment of one logical client in one round: what may win once, whoever computes it.
public struct IterationKey: Hashable, Sendable {
  /// The session.
  public let session: Digest
  /// The round, from 0.
  public let round: Int
  /// The logical client, from 0.
  public let index: Int
  /// The segment, from 0.
  public let segment: Int

  /// Names an iteration.
  public init(session: Digest, round: Int, index: Int, segment: Int) {
    self.session = session
    self.round = round
    self.index = index
    self.segment = segment
  }

  /// The iteration of a task's segment.
  public init(task: TrainingTask, segment: Int) {
    self.init(
      session: task.session, round: task.round, index: task.client, segment: segment)
  }
}

extension IterationKey: CustomStringConvertible {
  /// Session, round, client and segment.
  public var description: String {
    "session \(session) round \(round) client \(index) segment \(segment)"
  }
}

/// The iterations that have won, so that none wins twice.
public struct IterationRegistry: Sendable {
  /// Wins of open sessions: at one a minute two years of them.
  public static let entriesMax = 1 << 20
  private var accepted: [Digest: Set<IterationKey>] = [:]
  /// How many there are.
  public private(set) var count = 0

  /// A registry without wins.
  public init() {}

  /// Whether an iteration has won.
  public func contains(_ key: IterationKey) -> Bool {
    accepted[key.session]?.contains(key) ?? false
  }

  /// Notes a win; an iteration wins once.
  public mutating func accept(_ key: IterationKey) throws(MiningError) {
    guard !contains(key) else { throw .alreadyAccepted(key) }
    guard count < Self.entriesMax else { throw .registryFull(limit: Self.entriesMax) }
    accepted[key.session, default: []].insert(key)
    count += 1
  }

  /// Forgets a session whose job is closed: its tasks cannot be assigned again.
  public mutating func close(session: Digest) {
    count -= accepted.removeValue(forKey: session)?.count ?? 0
  }
}
