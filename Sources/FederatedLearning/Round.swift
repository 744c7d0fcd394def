public import Cryptography
public import Primitives

/// Where one logical client stands in the running round.
public enum ClientPhase: Hashable, Sendable {
  case unassigned
  case training(Assignment, since: Tick)
  case checking(Update)
  case accepted(Update)
}

/// An update that did not enter a round, and why.
public struct RejectedUpdate: Hashable, Sendable {
  /// The try.
  public let assignment: Assignment
  /// The validator's or the coordinator's reason.
  public let reason: String
}

/// One round: every logical client once, by whichever worker does it right.
public struct Round: Hashable, Sendable {
  /// The round's number, from 1.
  public let number: Int
  /// The model that every client starts from.
  public let base: Digest
  /// By client index.
  public internal(set) var clients: [ClientPhase]
  /// By client index: the number that the next try gets.
  var attempts: [Int]
  /// In the order in which they were refused.
  public internal(set) var rejected: [RejectedUpdate] = []
  /// The mean of the accepted updates, once computed.
  public internal(set) var aggregate: Digest?
  /// Once the evaluator has answered.
  public internal(set) var score: RoundScore?
  /// When the round began and ended, for its duration.
  public let startedAt: Tick
  /// When the ledger settled it.
  public internal(set) var settledAt: Tick?

  init(number: Int, base: Digest, clientCount: Int, now: Tick) {
    self.number = number
    self.base = base
    clients = Array(repeating: .unassigned, count: clientCount)
    attempts = Array(repeating: 0, count: clientCount)
    startedAt = now
  }

  /// The update of each client in order, once all are accepted.
  var acceptedUpdates: [Update]? {
    var updates: [Update] = []
    for case .accepted(let update) in clients { updates.append(update) }
    return updates.count == clients.count ? updates : nil
  }

  /// How many of the round's clients `worker` has or had a hand in.
  func load(of worker: PeerID) -> Int {
    clients.count { phase in
      switch phase {
      case .unassigned: false
      case .training(let assignment, _): assignment.worker == worker
      case .checking(let update), .accepted(let update): update.assignment.worker == worker
      }
    }
  }
}
