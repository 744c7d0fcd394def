/// Splits the words of a command line by a table of commands.
struct ArgumentParser: Sendable {
  let commands: [Command]

  /// Finds the command with the most matching words and reads the rest by its options.
  func parse(_ words: [String]) throws -> (Command, Arguments) {
    // Options may stand before the verb: `martlet --home DIR node start`.
    let verbs = verbWords(in: words)
    let candidates = commands.flatMap { command in
      ([command.words] + command.aliases).filter(verbs.starts(with:)).map { (command, $0) }
    }
    guard let (command, name) = candidates.max(by: { $0.1.count < $1.1.count }) else {
      throw unknownCommand(verbs)
    }
    return (command, try arguments(of: command, named: name, from: words))
  }

  private func unknownCommand(_ verbs: [String]) -> CommandFailure {
    let given = verbs.prefix(2).joined(separator: " ")
    let inGroup = commands.map(\.words).filter { $0.count > 1 && $0.first == verbs.first }
    if verbs.count == 1, !inGroup.isEmpty {
      return .usage(
        "`\(given)` needs one more word",
        hint: inGroup.map { $0.dropFirst().joined(separator: " ") }.joined(separator: ", "))
    }
    let names = commands.flatMap { [$0.words] + $0.aliases }.map { $0.joined(separator: " ") }
    let hint = nearest(given, in: names).map { "did you mean `martlet \($0)`?" }
    return .usage("`\(given)` is not a command", hint: hint ?? "see `martlet help`")
  }

  /// The words that are neither global options nor their values.
  private func verbWords(in words: [String]) -> [String] {
    var verbs: [String] = []
    var skipsNext = false
    for word in words {
      if skipsNext {
        skipsNext = false
      } else if word == "--home" {
        skipsNext = true
      } else if !word.hasPrefix("-") {
        verbs.append(word)
      } else if !verbs.isEmpty && !Option.global.contains(where: { "--\($0.name)" == word }) {
        break
      }
    }
    return verbs
  }

  private func arguments(
    of command: Command, named name: [String], from words: [String]
  ) throws -> Arguments {
    var result = Arguments()
    var verbs = name[...]
    var rest = words[...]
    var onlyPositionals = false
    while let word = rest.popFirst() {
      if onlyPositionals || !word.hasPrefix("-") || word == "-" {
        if word == verbs.first {
          verbs.removeFirst()
        } else {
          result.positionals.append(word)
        }
      } else if word == "--" {
        onlyPositionals = true
      } else {
        try read(word, of: command, rest: &rest, into: &result)
      }
    }
    if !result.flags.contains("help") { try checkPositionals(result.positionals, of: command) }
    return result
  }

  private func read(
    _ word: String, of command: Command, rest: inout ArraySlice<String>,
    into result: inout Arguments
  ) throws {
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let head = String(parts[0])
    let known = command.options + Option.global
    let option = known.first {
      "--\($0.name)" == head || ($0.short.map { "-\($0)" } == head && !head.hasPrefix("--"))
    }
    guard let option else {
      throw CommandFailure.usage(
        "`\(head)` is not an option of `martlet \(command.words.joined(separator: " "))`",
        hint: nearest(head, in: known.map { "--\($0.name)" }).map { "did you mean `\($0)`?" }
          ?? "see `martlet \(command.words.joined(separator: " ")) --help`")
    }
    guard option.value != nil else {
      guard parts.count == 1 else { throw CommandFailure.usage("`\(head)` takes no value") }
      result.flags.insert(option.name)
      return
    }
    guard let value = parts.count == 2 ? String(parts[1]) : rest.popFirst() else {
      throw CommandFailure.usage("`\(head)` needs a value")
    }
    guard result.values.updateValue(value, forKey: option.name) == nil else {
      throw CommandFailure.usage("`\(head)` is given twice")
    }
  }

  private func nearest(_ word: String, in candidates: [String]) -> String? {
    let best = candidates.min { distance($0, word) < distance($1, word) }
    let farthest = 3
    guard let best, distance(best, word) <= farthest else { return nil }
    return best
  }

  /// Levenshtein distance, for words of a command line only.
  private func distance(_ left: String, _ right: String) -> Int {
    let left = Array(left.utf8.prefix(40))
    let right = Array(right.utf8.prefix(40))
    var row = Array(0...right.count)
    for (i, a) in left.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, b) in right.enumerated() {
        let substituted = diagonal + (a == b ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(substituted, row[j] + 1, diagonal + 1)
      }
    }
    return row[right.count]
  }

  private func checkPositionals(_ given: [String], of command: Command) throws {
    let required = command.positionals.filter { !$0.hasSuffix("?") }
    if given.count < required.count {
      throw CommandFailure.usage("`\(required[given.count])` is missing")
    }
    if given.count > command.positionals.count {
      throw CommandFailure.usage("`\(given[command.positionals.count])` is one argument too many")
    }
  }
}
