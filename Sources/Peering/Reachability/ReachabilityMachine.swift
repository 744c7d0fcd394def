package import Primitives

/// Whether others can connect to us.
package enum Reachability: Sendable {
  case unknown
  case reachable
  case unreachable
}

/// Limits of what others say about our reachability.
package enum ReachabilityLimits {
  /// Servers that must agree: more than three, as both versions of AutoNAT say.
  package static let serversNeeded = 4
  /// How long an answer counts.
  package static let lifetime: Duration = .seconds(30 * 60)
  /// Addresses under judgement; a node has a few.
  static let addressesMax = 32
  /// Answers kept for an address.
  static let answersMax = 16
}

/// Weighs what servers say about our addresses: each address group has one voice, so that one
/// operator with many nodes cannot talk us into anything.
package struct ReachabilityMachine: Sendable {
  private struct Answer: Sendable {
    let group: UInt32
    let isReachable: Bool
    let time: Tick
  }

  private var answers: [(address: Multiaddr, answers: [Answer])] = []
  private let serversNeeded: Int

  /// Nothing is known.
  package init(serversNeeded: Int = ReachabilityLimits.serversNeeded) {
    precondition(serversNeeded > 0)
    self.serversNeeded = serversNeeded
  }

  /// Takes down what the server in an address group found.
  package mutating func answered(
    _ address: Multiaddr, isReachable: Bool, by group: UInt32, now: Tick
  ) {
    expire(now)
    let answer = Answer(group: group, isReachable: isReachable, time: now)
    guard let index = answers.firstIndex(where: { $0.address == address }) else {
      if answers.count >= ReachabilityLimits.addressesMax { answers.removeFirst() }
      answers.append((address, [answer]))
      return
    }
    answers[index].answers.removeAll { $0.group == group }
    answers[index].answers.append(answer)
    if answers[index].answers.count > ReachabilityLimits.answersMax {
      answers[index].answers.removeFirst()
    }
  }

  /// What is known of one address.
  package func reachability(of address: Multiaddr, now: Tick) -> Reachability {
    let found = answers.first { $0.address == address }?.answers ?? []
    let fresh = found.filter { now.duration(since: $0.time) < ReachabilityLimits.lifetime }
    let yes = fresh.count(where: \.isReachable)
    if yes >= serversNeeded, yes > fresh.count - yes { return .reachable }
    return fresh.count - yes >= serversNeeded ? .unreachable : .unknown
  }

  /// The best of all addresses.
  package func reachability(now: Tick) -> Reachability {
    let all = answers.map { reachability(of: $0.address, now: now) }
    if all.contains(.reachable) { return .reachable }
    return all.contains(.unreachable) ? .unreachable : .unknown
  }

  private mutating func expire(_ now: Tick) {
    for index in answers.indices {
      answers[index].answers.removeAll {
        now.duration(since: $0.time) >= ReachabilityLimits.lifetime
      }
    }
    answers.removeAll { $0.answers.isEmpty }
  }
}
