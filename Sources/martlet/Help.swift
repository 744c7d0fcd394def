/// Help texts and shell completion, all made from the table of commands.
struct Help: Sendable {
  let commands: [Command]

  /// The screenful that `martlet help` prints.
  var overview: String {
    """
    martlet trains machine-learning models on many machines, checks the work bit for
    bit, and pays for it.

    usage: martlet COMMAND [OPTIONS]

    \(list(commands))

    Every command takes --help, --json and --home DIR. Start here:
      martlet demo
    """
  }

  /// What `prsm-node help` prints: the verbs of somebody who runs a node.
  var nodeOverview: String {
    let groups = [
      "node", "config", "network", "network-test", "check-ports", "discover-peers", "p2p",
    ]
    return """
      \(VerbForms.nodeProgram) is martlet for somebody who runs a node; `node` may be left out.

      usage: \(VerbForms.nodeProgram) COMMAND [OPTIONS]

      \(list(commands.filter { groups.contains($0.words[0]) }))

      Every command takes --help, --json and --home DIR. Start here:
        \(VerbForms.nodeProgram) init --type=worker
      """
  }

  private func list(_ commands: [Command]) -> String {
    let width = commands.map { $0.words.joined(separator: " ").count }.max() ?? 0
    return commands.map { command in
      "  \(padded(command.words.joined(separator: " "), to: width))  \(command.summary)"
    }.joined(separator: "\n")
  }

  /// The commands that begin with the given words, when these are no command themselves.
  func group(_ words: [String]) -> String? {
    let verbs = words.filter { !$0.hasPrefix("-") && $0 != "help" }
    let inside = commands.filter { $0.words.count > verbs.count && $0.words.starts(with: verbs) }
    guard !verbs.isEmpty, !inside.isEmpty else { return nil }
    return """
      usage: martlet \(verbs.joined(separator: " ")) COMMAND [OPTIONS]

      \(list(inside))

      example:
        \(inside[0].example)
      """
  }

  /// The text of one command.
  func text(of command: Command) -> String {
    let words = command.words.joined(separator: " ")
    let positionals = command.positionals.map {
      $0.hasSuffix("?") ? " [\($0.dropLast())]" : " \($0)"
    }.joined()
    let options = command.options + Option.global
    let names = options.map(name)
    let width = names.map(\.count).max() ?? 0
    let lines = zip(names, options).map { "  \(padded($0, to: width))  \($1.summary)" }
    let aliases = command.aliases.map { "also: martlet \($0.joined(separator: " "))\n" }.joined()
    return """
      \(command.summary)

      usage: martlet \(words)\(positionals) [OPTIONS]
      \(aliases)
      \(lines.joined(separator: "\n"))

      example:
        \(command.example)
      """
  }

  private func name(of option: Option) -> String {
    let short = option.short.map { "-\($0), " } ?? ""
    return short + "--\(option.name)" + (option.value.map { " \($0)" } ?? "")
  }

  private func padded(_ text: String, to width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  /// A completion script for bash; zsh reads the same through `bashcompinit`.
  func completion(for shell: String) throws -> String {
    guard ["bash", "zsh"].contains(shell) else {
      throw CommandFailure.usage(
        "there is no completion for `\(shell)`", hint: "the shells are bash and zsh")
    }
    let names = commands.flatMap { command in
      ([command.words] + command.aliases).map { ($0, command.options + Option.global) }
    }
    var cases: [String] = []
    for prefix in Set(names.flatMap { name, _ in name.indices.map { Array(name[..<$0]) } })
      .sorted(by: { $0.lexicographicallyPrecedes($1) })
    {
      let next = names.map(\.0).filter { $0.count > prefix.count && $0.starts(with: prefix) }
      cases.append(completionCase(prefix, Set(next.map { $0[prefix.count] }).sorted()))
    }
    for (name, options) in names {
      cases.append(completionCase(name, options.map { "--\($0.name)" }))
    }
    let head = shell == "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : ""
    return head + completionFunction(cases)
  }

  /// Arguments behind the verbs are given up one by one until a command is recognised. Where it
  /// offers nothing, the shell offers files.
  private func completionFunction(_ cases: [String]) -> String {
    """
    _martlet() {
      local current="${COMP_WORDS[COMP_CWORD]}" verbs="" word offered
      COMPREPLY=()
      for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case "$word" in -*) break ;; *) verbs="$verbs$word " ;; esac
      done
      while offered=; do
        case "$verbs" in
    \(cases.joined(separator: "\n"))
        *" "*" ") verbs="${verbs% * } " ;;
        *) return 0 ;;
        esac
        [ -z "$offered" ] || break
      done
      # Options are offered once a dash is typed; until then a file may be meant.
      case "$offered" in --*) [ "${current#-}" != "$current" ] || return 0 ;; esac
      COMPREPLY=($(compgen -W "$offered" -- "$current"))
      return 0
    }
    complete -o default -F _martlet martlet
    """
  }

  private func completionCase(_ words: [String], _ replies: [String]) -> String {
    let verbs = words.map { $0 + " " }.joined()
    return "    \"\(verbs)\") offered=\"\(replies.joined(separator: " "))\" ;;"
  }
}
