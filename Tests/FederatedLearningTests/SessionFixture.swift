import Cryptography
import FederatedLearning
import Primitives

/// Peers, digests and a small session for the tests of this module.
enum SessionFixture {
  static func worker(_ number: UInt8) -> PeerID { PeerID(protobufKey: [number]) }
  static func digest(_ text: String) -> Digest { SHA256.hash(Bytes(text.utf8)) }
  static let initialModel = digest("initial")

  static func machine(
    clients: Int = 4, rounds: Int = 2, minParticipants: Int = 1
  ) -> SessionMachine {
    let rules = SessionRules(
      clients: clients, totalRounds: rounds, minParticipants: minParticipants,
      examples: (0..<clients).map { UInt64(100 + $0) })
    return SessionMachine(rules: rules, initialModel: initialModel)
  }

  /// The parameters depend on round, client and base only, as real training does.
  static func update(for assignment: Assignment, base: Digest) -> Update {
    let text = "\(assignment.round)/\(assignment.client)/\(base.hex)"
    return Update(
      assignment: assignment, parameters: digest(text), workRoot: digest("work" + text))
  }

  static func aggregate(_ terms: [AcceptedUpdate]) -> Digest {
    SHA256.hash(terms.flatMap { $0.parameters.bytes + Bytes("\($0.examples)".utf8) })
  }
}

/// A whole network in one value: answers effects, with workers that die, lie or are slow.
struct SessionNetwork {
  var machine: SessionMachine
  var random: SplitMix64
  var log: [SessionEvent] = []
  var liars: Set<PeerID> = []
  private var inbox: [SessionEvent] = []
  private var now = Tick.zero
  private(set) var result: Digest?

  init(machine: SessionMachine, seed: UInt64) {
    self.machine = machine
    random = SplitMix64(seed: seed)
  }

  mutating func advance(_ duration: Duration) { now = now.advanced(by: duration) }

  mutating func send(_ event: SessionEvent) {
    log.append(event)
    for effect in machine.handle(event) { answer(effect) }
  }

  mutating func join(_ worker: PeerID) { send(.workerJoined(worker, now: now)) }
  mutating func start() { send(.started(now: now)) }

  /// Delivers answers in a random order until none is left or the budget is used up.
  mutating func run(steps: Int = 10_000) {
    for _ in 0..<steps where !inbox.isEmpty {
      inbox.shuffle(using: &random)
      advance(.milliseconds(1))
      send(inbox.removeLast())
    }
  }

  mutating func crash() {
    var replayed = SessionFixture.machine(
      clients: machine.rules.clients, rounds: machine.rules.totalRounds,
      minParticipants: machine.rules.minParticipants)
    for event in log { _ = replayed.handle(event) }
    let workers = machine.workers
    machine = replayed
    inbox.removeAll()
    send(.restarted(now: now))
    for worker in workers { join(worker) }
  }

  mutating func kill(_ worker: PeerID) {
    inbox.removeAll {
      if case .updateReceived(let update, _) = $0 {
        update.assignment.worker == worker
      } else {
        false
      }
    }
    send(.workerLeft(worker, now: now))
  }

  private mutating func answer(_ effect: SessionEffect) {
    switch effect {
    case .assign(let assignment, let base):
      inbox.append(.updateReceived(SessionFixture.update(for: assignment, base: base), now: now))
    case .cancel: break
    case .check(let update):
      let assignment = update.assignment
      inbox.append(
        liars.contains(assignment.worker)
          ? .updateRejected(assignment, reason: "replay differs", now: now)
          : .updateAccepted(assignment, now: now))
    case .aggregate(let round, let terms):
      inbox.append(.aggregated(round: round, model: SessionFixture.aggregate(terms)))
    case .settle(let round, _): inbox.append(.settled(round: round, now: now))
    case .evaluate(let round, _):
      inbox.append(.evaluated(round: round, RoundScore(accuracy: 0.5, loss: 1)))
    case .finish(let model): result = model
    }
  }
}
