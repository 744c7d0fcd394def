/// The forms in which a verb may be written: in full, below `node`, without its group, and as the
/// program `prsm-node` has them.
struct VerbForms: Sendable {
  /// A command, and the words of the line that named it.
  struct Match {
    let command: Command
    let words: [String]
  }

  /// What the program is called when it stands for a node alone.
  static let nodeProgram = "prsm-node"
  private static let nodeGroup = "node"

  let commands: [Command]
  /// Whether the program was called as `prsm-node`: then the node's verb comes first.
  let isNodeProgram: Bool

  /// The command that `verbs` begin with; between two of one name the one that knows all `options`.
  ///
  /// So `init` makes a network, `node init` and `init --type worker` a node.
  func match(_ verbs: [String], options: [String]) throws -> Match? {
    let below = longest([Self.nodeGroup] + verbs)
      .map { Match(command: $0.command, words: Array($0.words.dropFirst())) }
      .flatMap { $0.words.isEmpty ? nil : $0 }
    let inFull = longest(verbs)
    let matches = isNodeProgram ? [below, inFull] : [inFull, below]
    let found = (matches + [afterNode(verbs)]).compactMap(\.self)
    if let fitting = found.first(where: { knows(options, $0.command) }) ?? found.first {
      return fitting
    }
    return try withoutGroup(verbs) ?? afterNode(verbs, of: withoutGroup)
  }

  private func longest(_ verbs: [String]) -> Match? {
    let all = commands.flatMap { command in
      ([command.words] + command.aliases).filter(verbs.starts(with:))
        .map { Match(command: command, words: $0) }
    }
    return all.max { $0.words.count < $1.words.count }
  }

  /// `node network-test` is `network-test`.
  private func afterNode(
    _ verbs: [String], of find: (([String]) throws -> Match?)? = nil
  ) rethrows -> Match? {
    guard verbs.first == Self.nodeGroup, verbs.count > 1 else { return nil }
    let rest = Array(verbs.dropFirst())
    let match = try find.map { try $0(rest) } ?? longest(rest)
    return match.map { Match(command: $0.command, words: [Self.nodeGroup] + $0.words) }
  }

  /// `ping` is `p2p ping` as long as no other group has a `ping`.
  private func withoutGroup(_ verbs: [String]) throws -> Match? {
    guard let verb = verbs.first else { return nil }
    let found = commands.filter { $0.words.count > 1 && $0.words.last == verb }
    guard found.count < 2 else {
      let names = found.map { "`martlet \($0.words.joined(separator: " "))`" }
      throw CommandFailure.usage(
        "`\(verb)` may mean several things", hint: "say \(names.joined(separator: " or "))")
    }
    return found.first.map { Match(command: $0, words: [verb]) }
  }

  private func knows(_ options: [String], _ command: Command) -> Bool {
    let known = command.options + Option.global
    return options.allSatisfy { head in known.contains { $0.isWritten(head) } }
  }
}

extension Option {
  /// Whether `head`, such as `--json` or `-h`, names this option.
  func isWritten(_ head: String) -> Bool {
    "--\(name)" == head || (!head.hasPrefix("--") && short.map { "-\($0)" } == head)
  }
}
