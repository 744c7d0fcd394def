package import Primitives

/// A kind of trouble that a run can be given.
package enum FaultKind: String, CaseIterable, Comparable, Sendable {
  /// A share of messages is lost.
  case loss
  /// A share of messages arrives twice.
  case duplicate
  /// A share of messages is overtaken by later ones.
  case reorder
  /// The network falls into two halves, so many times, and heals.
  case partition
  /// A share of nodes leaves and comes back, with sessions of Weibull length.
  case churn
  /// A share of nodes sits behind address translation.
  case nat
  /// Clocks run up to so much too fast or too slow, and start apart.
  case skew
  /// So many times a node crashes, and restarts with what its disk kept.
  case crash
  /// A share of nodes is gone, though others still know them.
  case dead
  /// A share of nodes takes messages and passes none on.
  case silent
  /// So many nodes of one attacker.
  case sybils

  /// Whether the amount is a share of one.
  package var isShare: Bool {
    switch self {
    case .loss, .duplicate, .reorder, .churn, .nat, .skew, .dead, .silent: true
    case .partition, .crash, .sybils: false
    }
  }

  /// The amount where none is named.
  package var usualAmount: Double {
    switch self {
    case .loss: 0.05
    case .duplicate: 0.02
    case .reorder: 0.1
    case .partition: 1
    case .churn: 0.2
    case .nat: 0.5
    case .skew: 0.01
    case .crash: 3
    case .dead: 0.3
    case .silent: 0.6
    case .sybils: 20
    }
  }

  /// The most that still leaves a network to speak of.
  package var amountMax: Double {
    switch self {
    case .loss, .duplicate, .reorder, .churn, .nat, .dead, .silent: 0.95
    case .skew: 0.1
    case .partition, .crash: 1_000
    case .sybils: 100_000
    }
  }

  /// Orders as listed.
  package static func < (left: FaultKind, right: FaultKind) -> Bool {
    left.order < right.order
  }

  private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// Why a list of faults was not understood.
package enum FaultListError: Error, Equatable {
  case unknownKind(String)
  case amount(String, kind: FaultKind)
  case twice(FaultKind)
}

/// Trouble for one run: at most one amount of each kind.
package struct FaultPlan: Equatable, Sendable {
  /// One kind and how much of it.
  package struct Entry: Equatable, Sendable {
    /// What happens.
    package let kind: FaultKind
    /// How much: a share, or a count.
    package let amount: Double
  }

  /// Ordered by kind.
  package private(set) var entries: [Entry] = []

  /// No trouble.
  package init() {}

  /// Reads `loss=0.05,partition,crash=3`; a kind without an amount takes its usual one.
  package init(_ text: String) throws(FaultListError) {
    for part in text.split(separator: ",") {
      let pieces = part.split(separator: "=", maxSplits: 1).map(String.init)
      let name = pieces.first.map { $0.filter { $0 != " " } } ?? ""
      guard let kind = FaultKind(rawValue: name) else { throw .unknownKind(name) }
      guard amount(of: kind) == nil else { throw .twice(kind) }
      guard pieces.count == 2 else {
        set(kind, to: kind.usualAmount)
        continue
      }
      guard let amount = Double(pieces[1]), amount >= 0, amount <= kind.amountMax,
        kind.isShare || amount == amount.rounded()
      else { throw .amount(pieces[1], kind: kind) }
      set(kind, to: amount)
    }
  }

  /// The amount of a kind, nil where it is left out.
  package func amount(of kind: FaultKind) -> Double? {
    entries.first { $0.kind == kind }?.amount
  }

  /// The share of a kind, 0 where it is left out.
  package func share(_ kind: FaultKind) -> Double { amount(of: kind) ?? 0 }

  /// The count of a kind, 0 where it is left out.
  package func count(_ kind: FaultKind) -> Int { Int(amount(of: kind) ?? 0) }

  /// Sets or replaces the amount of a kind.
  package mutating func set(_ kind: FaultKind, to amount: Double) {
    entries.removeAll { $0.kind == kind }
    entries.append(Entry(kind: kind, amount: amount))
    entries.sort { $0.kind < $1.kind }
  }

  /// Leaves a kind out.
  package func without(_ kind: FaultKind) -> FaultPlan {
    var plan = self
    plan.entries.removeAll { $0.kind == kind }
    return plan
  }

  /// The text that `init` reads.
  package var text: String {
    entries.map { "\($0.kind.rawValue)=\(Self.number($0.amount))" }.joined(separator: ",")
  }

  private static func number(_ amount: Double) -> String {
    amount == amount.rounded() ? "\(Int(amount))" : "\(amount)"
  }
}

extension FaultPlan {
  /// Kinds that a swarm seed draws from; Sybils have a scenario of their own.
  package static let swarmKinds: [FaultKind] = [
    .loss, .duplicate, .reorder, .partition, .churn, .nat, .skew, .crash, .dead, .silent,
  ]

  /// Every swarm seed has at least so many kinds.
  package static let swarmKindsMin = 5

  /// Trouble of chance: a random subset of the kinds, each in a random amount up to twice its usual
  /// one (Groce et al., "Swarm Testing", ISSTA 2012: leaving kinds out finds more than all of
  /// them at once).
  package static func swarm(using random: inout SplitMix64) -> FaultPlan {
    var kinds = swarmKinds
    random.shuffle(&kinds)
    let count = swarmKindsMin + random.below(kinds.count - swarmKindsMin + 1)
    var plan = FaultPlan()
    for kind in kinds.prefix(count) {
      let steps = 20
      let step = Double(1 + random.below(steps)) / Double(steps)
      let most = swarmAmountMax(kind)
      plan.set(
        kind,
        to: kind.isShare ? (most * step * 1_000).rounded() / 1_000 : (most * step).rounded(.up))
    }
    return plan
  }

  /// A network of fifty must stay one that can work: half of it gone and half of the rest mute is
  /// the end of every protocol, not a finding.
  private static func swarmAmountMax(_ kind: FaultKind) -> Double {
    switch kind {
    case .loss: 0.1
    case .duplicate, .reorder: 0.3
    case .partition: 2
    case .churn, .dead: 0.3
    case .nat: 0.5
    case .skew: 0.02
    case .crash: 6
    case .silent: 0.3
    case .sybils: 0
    }
  }
}
