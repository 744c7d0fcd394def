/// Help texts and shell completion, all made from the table of commands.
struct Help: Sendable {
  let commands: [Command]

  /// The screenful that `martlet help` prints.
  var overview: String {
    let width = commands.map { $0.words.joined(separator: " ").count }.max() ?? 0
    let lines = commands.map { command in
      let words = command.words.joined(separator: " ")
      return "  \(padded(words, to: width))  \(command.summary)"
    }
    return """
      martlet trains machine-learning models on many machines, checks every step bit for bit and
      pays for it.

      usage: martlet COMMAND [OPTIONS]

      \(lines.joined(separator: "\n"))

      Every command takes --help, --json and --home DIR. Start here:
        martlet demo
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
    var cases: [String] = []
    var prefixes = Set<[String]>()
    for command in commands {
      for length in 0..<command.words.count {
        prefixes.insert(Array(command.words.prefix(length)))
      }
      let options = (command.options + Option.global).map { "--\($0.name)" }
      cases.append(completionCase(command.words, options))
    }
    for prefix in prefixes.sorted(by: { $0.joined(separator: " ") < $1.joined(separator: " ") }) {
      let next = commands.filter { $0.words.count > prefix.count && $0.words.starts(with: prefix) }
        .map { $0.words[prefix.count] }
      cases.append(completionCase(prefix, Array(Set(next)).sorted()))
    }
    let head = shell == "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : ""
    return head + """
      _martlet() {
        local current="${COMP_WORDS[COMP_CWORD]}" verbs=""
        local word
        for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
          case "$word" in -*) break ;; *) verbs="$verbs$word " ;; esac
        done
        case "$verbs" in
      \(cases.joined(separator: "\n"))
        *) COMPREPLY=($(compgen -f -- "$current")) ;;
        esac
      }
      complete -F _martlet martlet
      """
  }

  private func completionCase(_ words: [String], _ replies: [String]) -> String {
    let verbs = words.map { $0 + " " }.joined()
    return "  \"\(verbs)\") COMPREPLY=($(compgen -W \"\(replies.joined(separator: " "))\""
      + " -- \"$current\")) ;;"
  }
}
