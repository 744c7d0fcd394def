import Charts
import Primitives
import Simulator

/// One seed after another, until all have run or a planted mistake is found.
struct SeedSweep: Sendable {
  /// What came of one run.
  typealias Outcome = (events: Int, failure: Failure?)

  /// A seed whose run broke an invariant.
  struct Failure: Sendable {
    let seed: UInt64
    let invariant: String
    let breach: String
    /// The command that repeats the run.
    let replay: String
    /// The command of a run with less trouble that fails alike; nil where none is looked for.
    let smallest: String?

    init<Invariant>(
      seed: UInt64, _ breach: Breach<Invariant>, replay: String, smallest: String? = nil
    ) {
      self.seed = seed
      invariant = breach.invariant.rawValue
      self.breach = "\(breach)"
      self.replay = replay
      self.smallest = smallest
    }

    var text: String {
      "seed \(seed): \(breach)\n  replay: \(replay)"
        + (smallest.map { "\n  smallest: \($0)" } ?? "")
    }

    var json: JSONValue {
      var members: [JSONValue.Member] = [
        .init("seed", .integer(Int64(clamping: seed))), .init("broken", .string(invariant)),
        .init("replay", .string(replay)),
      ]
      if let smallest { members.append(.init("smallest", .string(smallest))) }
      return .object(members)
    }
  }

  let seeds: Range<UInt64>
  /// The planted mistake.
  let bug: String?
  /// Nodes of every run, where all have as many.
  var nodes: Int?
  /// The option that says how many seeds there are.
  let countOption: String
  private var failures: [Failure] = []
  private var ran = 0
  private var events = 0

  init(seeds: Range<UInt64>, bug: String?, nodes: Int? = nil, countOption: String) {
    self.seeds = seeds
    self.bug = bug
    self.nodes = nodes
    self.countOption = countOption
  }

  /// Runs the seeds, tells of failures as they come, prints the sum, and throws unless all were
  /// clean or the planted mistake was found.
  func run(
    _ arguments: Arguments, _ one: @escaping @Sendable (UInt64) -> Outcome
  ) async throws {
    let began = Clock.seconds()
    let sweep = try await TrainingCommands.onThread(named: "simulation") { [self] in
      var sweep = self
      for seed in seeds where bug == nil || sweep.failures.isEmpty { sweep.add(one(seed)) }
      return sweep
    }
    let seconds = Clock.seconds() - began
    Output.result(sweep.json(seconds: seconds), asJSON: arguments.isJSON) {
      sweep.text(seconds: seconds)
    }
    guard sweep.failures.isEmpty == (bug == nil) else {
      throw CommandFailure(
        bug == nil
          ? "\(sweep.failures.count) of \(seeds.count) seeds failed"
          : "the mistake was not found",
        hint: bug == nil ? "run the commands above" : "give more seeds with --\(countOption)")
    }
  }

  private mutating func add(_ outcome: Outcome) {
    ran += 1
    events += outcome.events
    guard let failure = outcome.failure else { return }
    failures.append(failure)
    Output.note(failure.text)
  }

  private func text(seconds: Double) -> String {
    if let bug {
      let place = failures.first.map { "found by seed \($0.seed)" } ?? "not found"
      return "\(bug): \(place) (\(ran) seeds)"
    }
    return "\(ran - failures.count) of \(ran) seeds from \(seeds.lowerBound) held every invariant: "
      + "\(Decimals.grouped(events)) events in \(Decimals.text(seconds, digits: 3)) s"
  }

  private func json(seconds: Double) -> JSONValue {
    var members: [JSONValue.Member] = [
      .init("from", .integer(Int64(clamping: seeds.lowerBound))),
      .init("count", .integer(Int64(ran))),
    ]
    if let nodes { members.append(.init("nodes", .integer(Int64(nodes)))) }
    members += [
      .init("clean", .integer(Int64(ran - failures.count))),
      .init("bug", bug.map { .string($0) } ?? .null),
      .init("failures", .array(failures.map(\.json))),
      .init("events", .integer(Int64(events))), .init("seconds", .number(seconds)),
    ]
    return .object(members)
  }
}
