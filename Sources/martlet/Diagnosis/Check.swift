import Primitives

/// One row of a test: what was looked at, and what came of it.
struct Check: Sendable {
  enum Outcome: String, Sendable {
    case ok
    case failed
    /// Worth knowing, and no reason to fail.
    case note
  }

  let name: String
  let outcome: Outcome
  /// What was found.
  let detail: String
  /// What to do; empty where nothing is.
  let hint: String
  /// More for programs.
  let facts: [JSONValue.Member]

  init(
    _ name: String, _ outcome: Outcome, _ detail: String, hint: String = "",
    facts: KeyValuePairs<String, JSONValue> = [:]
  ) {
    self.name = name
    self.outcome = outcome
    self.detail = detail
    self.hint = hint
    self.facts = facts.map { JSONValue.Member($0.key, $0.value) }
  }

  var json: JSONValue {
    .object(
      [
        .init("check", .string(name)), .init("result", .string(outcome.rawValue)),
        .init("detail", .string(detail)), .init("hint", .string(hint)),
      ] + facts)
  }

  /// Two lines where there is a hint.
  static func text(_ checks: [Check]) -> String {
    let rows = checks.flatMap { check in
      [[check.outcome.rawValue, check.name, check.detail]]
        + (check.hint.isEmpty ? [] : [["", "", "→ \(check.hint)"]])
    }
    return TextTable.lines([], rows).joined(separator: "\n")
  }
}
