import CShim
import Glibc

/// The program: arguments → one call → printed result.
enum Program {
  /// Every verb, in the order of the help text.
  static let commands: [Command] =
    DemoCommand.all + TrainingCommands.all + ModelCommands.all + WorkCommands.all
    + SetupCommands.all + ConfigCommands.all
    + ServerCommands.all + NodeCommands.all + NetworkCommands.all
    + [TopCommand.command, NetworkTest.command, PortCommand.command, PeerDiscovery.command]
    + LearningCommands.all
    + ContentCommands.all
    + PeerCommands.all + LedgerCommands.all + SimulationCommands.all + AboutCommands.all

  /// Reads the command line, runs one command, and ends the process with its exit code.
  nonisolated static func run() async {
    shim_ignore_sigpipe()
    let words = Array(CommandLine.arguments.dropFirst())
    do {
      try await run(words)
      exit(ExitCode.done.rawValue)
    } catch {
      let failure = CommandFailure(describing: error)
      Output.error(failure)
      exit(failure.code.rawValue)
    }
  }

  /// Whether a link called `prsm-node` was run.
  private static var isNodeProgram: Bool {
    CommandLine.arguments.first?.split(separator: "/").last.map(String.init)
      == VerbForms.nodeProgram
  }

  /// The same command with `help VERB` as `VERB --help` and `--version` as the verb.
  private static func spelledOut(_ words: [String]) -> [String] {
    let rest = Array(words.dropFirst())
    return switch words.first {
    case "help": rest + ["--help"]
    case "--version", "-V": ["version"] + rest
    default: words
    }
  }

  private static func run(_ words: [String]) async throws {
    let isNodeProgram = Self.isNodeProgram
    let help = Help(commands: commands)
    guard let first = words.first, !["help", "--help", "-h"].contains(first) || words.count > 1
    else { return Output.line(isNodeProgram ? help.nodeOverview : help.overview) }
    if words.contains(where: { ["--help", "-h"].contains($0) }), let group = help.group(words) {
      return Output.line(group)
    }
    let (command, arguments) = try ArgumentParser(
      commands: commands, isNodeProgram: isNodeProgram
    ).parse(spelledOut(words))
    guard !arguments.flags.contains("help") else { return Output.line(help.text(of: command)) }
    // Blocks are large and many here; a worker stays small instead.
    if command.words.first == "content" { shim_heap_keep_freed() }
    do {
      try await command.run(arguments)
    } catch let failure as CommandFailure where failure.hint == CommandFailure.usualHint {
      let name = command.words.joined(separator: " ")
      throw CommandFailure(
        failure.message, hint: "see `martlet \(name) --help`", code: failure.code)
    }
  }
}
