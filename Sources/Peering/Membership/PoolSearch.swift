package import Primitives

/// Looks for members that offer a kind of resource: first in the own group, then at the leaders
/// above, and from there down again through the leaders whose digests say that somebody may.
package struct PoolSearch: Sendable {
  /// Leaders asked in one search.
  package static let asksMax = 64
  /// Leaders asked at the same time.
  package static let parallelAsks = 4
  /// How long a leader may take.
  package static let askTimeout = Duration.seconds(2)

  /// What the shell does for a search.
  package enum Effect: Sendable, Equatable {
    /// Ask a leader: `ClusterMessage.find`.
    case ask(PeerHandle)
    /// The search is over; nearest first, as the leaders answered.
    case finished([PeerHandle])
  }

  private struct Ask: Sendable {
    let leader: PeerHandle
    let deadline: Tick
  }

  /// How many members are wanted.
  package let wanted: Int
  private(set) var members: [PeerHandle] = []
  private var waiting: [PeerHandle]
  private var known: Set<PeerHandle>
  private var asks: [Ask] = []
  private var asked = 0
  private var isOver = false

  /// A search that begins at our own leaders, from the local group upwards.
  package init(wanted: Int, leadersUpwards: [PeerHandle]) {
    self.wanted = max(1, min(wanted, ClusterLimits.poolAnswersMax))
    waiting = []
    known = []
    for leader in leadersUpwards where known.insert(leader).inserted { waiting.append(leader) }
  }

  /// Asks the next leaders.
  package mutating func start(now: Tick) -> [Effect] { advance(now: now) }

  /// Takes a leader's answer. Only one that was asked is heard, and only as much as it may say.
  package mutating func found(
    _ offering: [PeerHandle], leaders: [PeerHandle], from sender: PeerHandle, now: Tick
  ) -> [Effect] {
    guard !isOver, let place = asks.firstIndex(where: { $0.leader == sender }) else { return [] }
    asks.remove(at: place)
    for member in offering.prefix(ClusterLimits.poolAnswersMax) where !members.contains(member) {
      members.append(member)
    }
    // Down before further up: what a digest promises is nearer than what is above.
    var below: [PeerHandle] = []
    for leader in leaders.prefix(ClusterLimits.poolAnswersMax)
    where known.insert(leader).inserted { below.append(leader) }
    waiting.insert(contentsOf: below, at: 0)
    return advance(now: now)
  }

  /// When `tick` is wanted.
  package var nextWake: Tick? { isOver ? nil : asks.map(\.deadline).min() }

  /// Gives up on leaders that do not answer.
  package mutating func tick(now: Tick) -> [Effect] {
    guard !isOver else { return [] }
    asks.removeAll { $0.deadline <= now }
    return advance(now: now)
  }

  private mutating func advance(now: Tick) -> [Effect] {
    if members.count >= wanted { return finish() }
    var effects: [Effect] = []
    while asks.count < Self.parallelAsks, asked < Self.asksMax, !waiting.isEmpty {
      let leader = waiting.removeFirst()
      asked += 1
      asks.append(Ask(leader: leader, deadline: now.advanced(by: Self.askTimeout)))
      effects.append(.ask(leader))
    }
    return asks.isEmpty ? finish() : effects
  }

  private mutating func finish() -> [Effect] {
    isOver = true
    return [.finished(Array(members.prefix(wanted)))]
  }
}
