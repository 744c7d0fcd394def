import Primitives

/// One verb of the program: its words, what it takes, and what it does.
struct Command: Sendable {
  /// The words that select it, such as `["fl", "create-session"]`.
  let words: [String]
  /// Other words that select it, such as the bare ones of the Parity client.
  var aliases: [[String]] = []
  /// One lower-case line for lists.
  let summary: String
  /// Names of positional arguments; a trailing `?` marks an optional one.
  var positionals: [String] = []
  var options: [Option] = []
  /// Lines below the options, where these do not say all.
  var details: [String] = []
  /// A line that runs as it stands.
  let example: String
  /// Runs and returns; throws `CommandFailure` or an error that `CommandFailure.describing` knows.
  let run: @Sendable (Arguments) async throws -> Void
}

/// A flag or an option with a value.
struct Option: Sendable {
  /// The name without dashes.
  let name: String
  /// The name of its value, nil for a flag.
  var value: String?
  /// Short form of one letter, as the Parity client has them.
  var short: Character?
  let summary: String

  /// Options that every command takes.
  static let global = [
    Option(name: "json", summary: "print one JSON object on standard output"),
    Option(name: "home", value: "DIR", summary: "keep all state in DIR (or MARTLET_HOME)"),
    Option(name: "help", short: "h", summary: "show this text"),
  ]
}

/// What was given to a command.
struct Arguments: Sendable {
  var positionals: [String] = []
  var values: [String: String] = [:]
  var flags: Set<String> = []

  var isJSON: Bool { flags.contains("json") }

  func text(_ name: String) -> String? { values[name] }

  func required(_ name: String, or other: String? = nil) throws -> String {
    guard let value = values[name] else {
      let names = "--\(name)" + (other.map { " or --\($0)" } ?? "")
      throw CommandFailure.usage("the option \(names) is missing")
    }
    return value
  }

  func integer(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
    guard let text = values[name] else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw CommandFailure.usage(
        "--\(name) is `\(text)`",
        hint: "give a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// One of a closed set of values, by its name.
  func choice<Value>(_ name: String, of choices: [(name: String, value: Value)]) throws -> Value? {
    guard let text = values[name] else { return nil }
    guard let choice = choices.first(where: { $0.name == text }) else {
      throw CommandFailure.usage(
        "--\(name) is `\(text)`",
        hint: "it is one of " + choices.map(\.name).joined(separator: ", "))
    }
    return choice.value
  }

  /// One of the cases, by its name.
  func choice<Value>(_ name: String) throws -> Value?
  where Value: RawRepresentable<String> & CaseIterable {
    try choice(name, of: Value.allCases.map { ($0.rawValue, $0) })
  }

  /// A size such as `64MiB`; a number without a unit counts `bareUnit`.
  func size(_ name: String, max: ByteCount, bareUnit: ByteCount) throws -> ByteCount? {
    guard let text = values[name] else { return nil }
    let size: ByteCount
    do {
      size = try ByteCount(parsing: text, bareUnit: bareUnit)
    } catch {
      throw CommandFailure.usage("--\(name): \(error)", hint: "give a size such as 64MiB")
    }
    guard size <= max else {
      throw CommandFailure.usage("--\(name) is `\(text)`", hint: "give at most \(max)")
    }
    return size
  }

  func number(_ name: String, in range: ClosedRange<Double>) throws -> Double? {
    guard let text = values[name] else { return nil }
    guard let number = Double(text), range.contains(number) else {
      throw CommandFailure.usage(
        "--\(name) is `\(text)`",
        hint: "give a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }
}

/// Exit codes of the style guide, rule 18.
enum ExitCode: Int32, Sendable {
  case done = 0
  case failed = 1
  case usage = 2
  case notFound = 3
  case refused = 4
  case unreachable = 5
  case timedOut = 6
}

/// An error as the person at the terminal reads it: the fact, the next step, the exit code.
struct CommandFailure: Error {
  let message: String
  let hint: String
  let code: ExitCode

  init(_ message: String, hint: String, code: ExitCode = .failed) {
    self.message = message
    self.hint = hint
    self.code = code
  }

  /// What to do about wrong usage, unless something better is known.
  static let usualHint = "see `martlet help`"

  static func usage(
    _ message: String, hint: String = usualHint
  ) -> CommandFailure {
    CommandFailure(message, hint: hint, code: .usage)
  }
}
