/// Splits the words of a command line by a table of commands.
struct ArgumentParser: Sendable {
  let commands: [Command]
  /// Whether the program was called as `prsm-node`.
  var isNodeProgram = false

  /// Finds the command with the most matching words and reads the rest by its options.
  func parse(_ words: [String]) throws -> (Command, Arguments) {
    // Options may stand before the verb: `martlet --home DIR node start`.
    let verbs = verbWords(in: words)
    let forms = VerbForms(commands: commands, isNodeProgram: isNodeProgram)
    guard let match = try forms.match(verbs, options: optionHeads(in: words)) else {
      throw verbs.isEmpty ? missingCommand(words) : unknownCommand(verbs)
    }
    return (match.command, try arguments(of: match.command, named: match.words, from: words))
  }

  /// The names of the options, as they are written.
  private func optionHeads(in words: [String]) -> [String] {
    words.prefix { $0 != "--" }.filter { $0.hasPrefix("-") && $0 != "-" && Double($0) == nil }
      .map { String($0.prefix { $0 != "=" }) }
  }

  private func missingCommand(_ words: [String]) -> CommandFailure {
    let options = words.joined(separator: " ")
    return .usage("`\(options)` comes without a command", hint: "see `martlet help`")
  }

  private func unknownCommand(_ verbs: [String]) -> CommandFailure {
    // Below `node` everything is what it is without it.
    let isBelowNode = verbs.count > 1 && verbs[0] == "node"
    let verbs = isBelowNode && isGroup(verbs[1]) ? Array(verbs.dropFirst()) : verbs
    let given = verbs.prefix(2).joined(separator: " ")
    let inGroup = commands.map(\.words).filter { $0.count > 1 && $0.first == verbs.first }
    if verbs.count == 1, !inGroup.isEmpty {
      return .usage(
        "`\(given)` needs one more word",
        hint: inGroup.map { $0.dropFirst().joined(separator: " ") }.joined(separator: ", "))
    }
    let names = commands.flatMap { [$0.words] + $0.aliases }.map { $0.joined(separator: " ") }
    // Below `node` stands anything: the rest alone may be nearer.
    let rest = isBelowNode ? verbs.dropFirst().prefix(2).joined(separator: " ") : given
    let nearest = NearestWord.of(given, in: names) ?? NearestWord.of(rest, in: names)
    let hint = nearest.map { "did you mean `martlet \($0)`?" }
    return .usage("`\(given)` is not a command", hint: hint ?? "see `martlet help`")
  }

  private func isGroup(_ word: String) -> Bool {
    commands.contains { $0.words.count > 1 && $0.words[0] == word }
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
    guard let option = known.first(where: { $0.isWritten(head) }) else {
      throw CommandFailure.usage(
        "`\(head)` is not an option of `martlet \(command.words.joined(separator: " "))`",
        hint: NearestWord.of(head, in: known.map { "--\($0.name)" }).map { "did you mean `\($0)`?" }
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
