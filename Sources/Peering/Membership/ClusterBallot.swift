import Primitives

extension ClusterMachine {
  /// What a member keeps of a cluster's elections when it leaves: whoever comes back without it
  /// would vote twice in one epoch. Ongaro and Ousterhout, "In Search of an Understandable
  /// Consensus Algorithm", USENIX ATC 2014, figure 2: `currentTerm` and `votedFor` outlive roles.
  package struct Ballot: Sendable {
    let epoch: UInt64
    let choice: PeerHandle?
    /// The lease that we gave to another.
    let lease: Vote?
  }

  /// What to keep for the next stay.
  package var ballot: Ballot {
    Ballot(
      epoch: epoch, choice: votedInEpoch, lease: vote?.leader == local ? nil : vote)
  }
}

/// The ballots of clusters that we were in, the newest last.
struct BallotBook: Sendable {
  private var entries: [(cluster: ClusterID, ballot: ClusterMachine.Ballot)] = []
  /// Before this we may be bound by a lease that we do not remember.
  private(set) var votesFrom: Tick

  init(votesFrom: Tick) { self.votesFrom = votesFrom }

  mutating func keep(_ machine: ClusterMachine, now: Tick) {
    entries.removeAll { $0.cluster == machine.cluster }
    guard machine.epoch > 0 else { return }
    entries.append((machine.cluster, machine.ballot))
    guard entries.count > ClusterLimits.ballotsMax else { return }
    entries.removeFirst()
    votesFrom = max(votesFrom, now.advanced(by: ClusterLimits.lease))
  }

  func ballot(in cluster: ClusterID) -> ClusterMachine.Ballot? {
    entries.first { $0.cluster == cluster }?.ballot
  }
}
