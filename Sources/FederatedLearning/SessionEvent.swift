public import Cryptography
public import Primitives

/// One try of one worker at one logical client's part of one round.
public struct Assignment: Hashable, Sendable {
  /// The round, from 1.
  public let round: Int
  /// The logical client, from 0.
  public let client: Int
  /// Counts the tries of this client in this round, from 0.
  public let attempt: Int
  /// Who works.
  public let worker: PeerID

  /// Names a try.
  public init(round: Int, client: Int, attempt: Int, worker: PeerID) {
    self.round = round
    self.client = client
    self.attempt = attempt
    self.worker = worker
  }
}

/// What a worker handed in for an assignment.
public struct Update: Hashable, Sendable {
  /// The try that it answers.
  public let assignment: Assignment
  /// Digest of the parameters' bytes; the content store keeps them under it.
  public let parameters: Digest
  /// Root over the segment roots that the worker signed.
  public let workRoot: Digest

  /// Collects the parts.
  public init(assignment: Assignment, parameters: Digest, workRoot: Digest) {
    self.assignment = assignment
    self.parameters = parameters
    self.workRoot = workRoot
  }
}

/// How a model did on the sealed test set.
public struct RoundScore: Hashable, Sendable {
  /// Share of right answers, 0…1.
  public let accuracy: Float
  /// Mean cross-entropy in nats.
  public let loss: Float

  /// Collects both.
  public init(accuracy: Float, loss: Float) {
    self.accuracy = accuracy
    self.loss = loss
  }
}

/// Everything that can move a session. The coordinator logs each before it acts on its effects.
public enum SessionEvent: Hashable, Sendable {
  case started(now: Tick)
  /// The coordinator came back after a crash: no worker is connected and no deadline counts.
  case restarted(now: Tick)
  case workerJoined(PeerID, now: Tick)
  case workerLeft(PeerID, now: Tick)
  case updateReceived(Update, now: Tick)
  case workFailed(Assignment, reason: String, now: Tick)
  /// The ledger holds a validator's verdict.
  case updateAccepted(Assignment, now: Tick)
  case updateRejected(Assignment, reason: String, now: Tick)
  case aggregated(round: Int, model: Digest)
  /// The ledger paid the round.
  case settled(round: Int, now: Tick)
  case evaluated(round: Int, RoundScore)
  case tick(now: Tick)
  case cancelled
}

/// What the coordinator has to do next.
public enum SessionEffect: Hashable, Sendable {
  case assign(Assignment, base: Digest)
  case cancel(Assignment)
  /// The update waits for its verdict.
  case check(Update)
  /// Sum these accepted updates in this order with these weights.
  case aggregate(round: Int, [AcceptedUpdate])
  /// Pay the round and make `model` the base of the next.
  case settle(round: Int, model: Digest)
  case evaluate(round: Int, model: Digest)
  case finish(model: Digest)
}

/// One term of a round's mean.
public struct AcceptedUpdate: Hashable, Sendable {
  /// The logical client.
  public let client: Int
  /// Who trained it.
  public let worker: PeerID
  /// Digest of the parameters' bytes.
  public let parameters: Digest
  /// The weight's numerator.
  public let examples: UInt64
}
