import Cryptography
import Glibc
import Node
import Primitives
import UsefulWork

/// `work …`: checking what a training committed to.
enum WorkCommands {
  static let all = [
    Command(
      words: ["work", "verify"], summary: "replay a work commitment and compare bits",
      positionals: ["DIR"],
      options: [
        Option(
          name: "segments", value: "N|all",
          summary: "how many segments, drawn by chance (default all)"),
        dataOption, threadsOption,
      ],
      example: "martlet work verify commitment --segments all", run: verify),
    Command(
      words: ["work", "dispute"],
      summary: "find the step and operator at which two commitments part",
      positionals: ["DIR1", "DIR2"], options: [dataOption, threadsOption],
      example: "martlet work dispute mine theirs", run: dispute),
  ]

  private static let dataOption = Option(
    name: "data", value: "FILE", summary: "the training file, if it has moved")
  private static let threadsOption = Option(
    name: "threads", value: "N", summary: "the same bits with any number (default 1)")

  @Sendable private static func verify(_ arguments: Arguments) async throws {
    let check = try await TrainingCommands.onThread(named: "replay") {
      try verifying(arguments)
    }
    let finding = check.finding
    let result: JSONValue = [
      "checked": JSONValue(finding.checked), "mismatches": JSONValue(finding.mismatches),
      "first_mismatch": finding.firstMismatch.map { JSONValue($0) } ?? .null,
    ]
    Output.result(result, asJSON: arguments.isJSON) {
      """
      checked     \(finding.checked) of \(check.segments) segments\(odds(finding, check.segments))
      mismatches  \(finding.mismatches)
      """
    }
    guard finding.mismatches == 0 else {
      let first = finding.sentence ?? "the work is not what was committed"
      throw CommandFailure(
        finding.mismatches == 1 ? first : "\(finding.mismatches) mismatches, first: \(first)",
        hint: "do not pay for this work; `martlet work dispute` finds the step and operator")
    }
  }

  @Sendable private static func dispute(_ arguments: Arguments) async throws {
    let finding = try await TrainingCommands.onThread(named: "dispute") {
      try CommitmentDispute(
        CommitmentDirectory(path: arguments.positionals[0]),
        CommitmentDirectory(path: arguments.positionals[1]), dataPath: arguments.text("data"),
        threads: TrainingOrder.threads(arguments)
      ).settle()
    }
    let wrong = finding.wrong.first
    let result: JSONValue = [
      "step": JSONValue(finding.step), "operator": .string(finding.operation),
      "rounds": JSONValue(finding.rounds), "wrong": wrong.map { JSONValue($0) } ?? .null,
    ]
    Output.result(result, asJSON: arguments.isJSON) {
      """
      step      \(finding.step)
      operator  \(finding.operation)
      rounds    \(finding.rounds)
      wrong     \(finding.wrong.map { arguments.positionals[$0 - 1] }.joined(separator: ", "))
      because   \(finding.reason)
      """
    }
  }

  /// What a sample may miss: work of which a part φ is false passes s draws with (1 − φ)^s.
  private static func odds(_ finding: CommitmentFinding, _ segments: Int) -> String {
    guard finding.checked < segments else { return "" }
    let falsePart = 0.1
    let chance = (0..<finding.checked).reduce(1.0) { product, _ in product * (1 - falsePart) }
    return "; work of which a tenth is false passes with probability \(SessionText.decimal(chance))"
  }

  private static func verifying(
    _ arguments: Arguments
  ) throws -> (finding: CommitmentFinding, segments: Int) {
    let count = try sampleSize(arguments)
    let check = try CommitmentCheck(
      directory: CommitmentDirectory(path: arguments.positionals[0]),
      dataPath: arguments.text("data"), threads: try TrainingOrder.threads(arguments))
    // All, or so many drawn from the work root and chance that the author could not foresee.
    let wanted =
      try count.map {
        try check.drawn($0, beacon: Digest(bytes: SystemRandom.bytes(Digest.byteCount)))
      } ?? Array(0..<check.segments)
    let isShown = Output.isTerminal && !arguments.isJSON
    let finding = try check.run(segments: wanted) { done in
      guard isShown else { return }
      Output.write("\rmartlet: \(done) of \(wanted.count) segments\u{1b}[K", to: STDERR_FILENO)
    }
    if isShown { Output.write("\r\u{1b}[K", to: STDERR_FILENO) }
    return (finding, check.segments)
  }

  /// How many segments were asked for; nil for all.
  private static func sampleSize(_ arguments: Arguments) throws -> Int? {
    let text = arguments.text("segments") ?? "all"
    guard text != "all" else { return nil }
    guard let count = Int(text), count > 0 else {
      throw CommandFailure.usage("--segments is `\(text)`", hint: "give `all` or a number above 0")
    }
    return count
  }
}
