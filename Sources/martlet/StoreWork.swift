import Charts
import ContentNode
import Networking
import Persistence
import Primitives
import Telemetry

/// A home's store where it is open, and what lies around it.
struct OpenStore: Sendable {
  let store: BlockStore
  let home: HomeDirectory
  /// The open library of a server; a command opens it where it needs one.
  var library: ContentLibrary?
  /// The peers of a server, where it has some.
  var exchange: ContentExchange?

  /// Runs `body` with the library of the home.
  func withLibrary<Result>(
    _ body: (ContentLibrary) async throws -> Result
  ) async throws -> Result {
    if let library { return try await body(library) }
    let library = try ContentDescribing.library(of: store, in: home)
    defer { library.close() }
    return try await body(library)
  }
}

/// Work on a home's store, done by whoever has it open: the command itself, or a server of the same
/// home that the command asks. Both do the same and give the same.
struct StoreWork: Sendable {
  /// Does the work by the words of a command line and gives what is shown as JSON.
  typealias Run = @Sendable (OpenStore, Arguments, WorkMeter?) async throws -> JSONValue

  /// All work that a server does.
  static let all =
    ContentLibraryCommands.works + ContentAccessCommands.works + ContentBackupCommands.works
    + [ContentDescribing.work, ContentFetching.work, ContentUpkeep.checking]

  /// Options of the command that say where, and nothing about the work.
  private static let placing: Set<String> = ["home", "server", "api-key-file"]
  private static let flagsName = "flags"

  let name: String
  var unit = ProgressLine.Unit.bytes
  /// A word in front of the line of progress.
  var label = ""
  let run: Run

  /// Does the work here, or lets the process do it that has the store open.
  func result(_ arguments: Arguments) async throws -> JSONValue {
    try await WorkProgress.during(arguments, label, counting: unit) { progress in
      try await ContentCommands.withStore(arguments) { store in
        try await run(
          OpenStore(store: store, home: Homes.selected(arguments)), arguments, progress.meter)
      } running: { node in
        try await node.work(OwnWorks.prefix + name, Self.items(arguments), progress)
      }
    }
  }

  private static func items(_ arguments: Arguments) -> [(String, String)] {
    let options = arguments.values.filter { !placing.contains($0.key) }.sorted { $0.key < $1.key }
    let flags = arguments.flags.sorted().joined(separator: ",")
    return arguments.positionals.map { ("arg", $0) } + options.map { ($0.key, $0.value) }
      + [(flagsName, flags)]
  }

  /// What a server does for the commands of its home.
  static func served(from store: OpenStore, on loop: EventLoop) -> OwnWorks {
    var runs: [String: OwnWorks.Run] = [:]
    for work in all {
      runs[work.name] = { words, meter in
        var arguments = Arguments(positionals: words.arguments, values: words.options)
        let flags = arguments.values.removeValue(forKey: flagsName) ?? ""
        arguments.flags = Set(flags.split(separator: ",").map(String.init))
        return try await work.run(store, arguments, meter)
      }
    }
    return OwnWorks(loop: loop, runs: runs) { error in
      let failure = CommandFailure(describing: error)
      return [
        "Message": .string(failure.message), "Hint": .string(failure.hint),
        "ExitCode": .integer(Int64(failure.code.rawValue)),
      ]
    }
  }

  /// Runs work that reads much and waits for the disk on a thread of its own.
  static func onOwnThread<Value: Sendable>(
    _ name: String, _ work: @escaping @Sendable () throws -> Value
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      NamedThread(name) { continuation.resume(with: Result { try work() }) }.detach()
    }
  }
}
