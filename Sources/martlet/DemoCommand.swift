import Glibc
import Ledger
import MartletClient
import Persistence
import Primitives

/// `demo`: a whole network of separate processes on this machine.
enum DemoCommand {
  static let all = [
    Command(
      words: ["demo"],
      summary: "train a model across processes, checked and paid for",
      options: [
        Option(name: "rounds", value: "N", summary: "rounds (default 10)"),
        Option(name: "workers", value: "N", summary: "worker processes (default 4)"),
        Option(name: "liars", value: "N", summary: "how many of them lie (default 1)"),
        Option(
          name: "lie", value: "KIND", summary: "random (default), scaled, stale, skip-epoch …"),
        Option(name: "clients", value: "N", summary: "logical clients (default 4)"),
        Option(name: "audit", value: "X", summary: "share of the work replayed (default 1.0)"),
        Option(name: "data", value: "FILE", summary: "a CSV file, label last (default digits)"),
        Option(name: "seed", value: "N", summary: "fixes the model to the bit (default 1)"),
        Option(name: "keep", summary: "leave the network up and print the dashboard's address"),
        Option(name: "port", value: "N", summary: "REST and dashboard (default 8080, 0 picks one)"),
      ],
      example: "martlet demo --rounds 3 --port 0", run: run)
  ]

  @Sendable private static func run(_ arguments: Arguments) async throws {
    let started = Clock.seconds()
    let plan = try DemoPlan(arguments)
    let network = try DemoNetwork(plan)
    Interruption.onFirst { network.stop() }
    defer { network.stop() }
    do {
      try await show(plan, on: network, since: started, arguments)
    } catch {
      // An interrupt breaks every connection, which is no news to whoever asked for it.
      if network.isStopping { try await Task.sleep(for: interruptionMax) }
      throw error
    }
  }

  /// The process ends long before, as soon as the last child has.
  private static let interruptionMax: Duration = .seconds(30)

  private static func show(
    _ plan: DemoPlan, on network: DemoNetwork, since started: Double, _ arguments: Arguments
  ) async throws {
    let progress = DemoProgress(isQuiet: arguments.isJSON, plan: plan)
    try network.start()
    if plan.keeps { progress.note("dashboard  \(network.dashboard)") }
    let client = NetworkClient(.socket(path: network.coordinatorHome.file("api.sock")))
    let session = try await DemoSession(client: client, plan: plan).run(
      watching: progress, health: { try network.check() })
    let report = try await DemoReport(
      session: session, client: client, network: network, seconds: Clock.seconds() - started,
      firstRoundSeconds: progress.firstRoundAt.map { $0 - started })
    progress.finish()
    Output.result(report.json, asJSON: arguments.isJSON) { report.text }
    if plan.keeps { try await network.keep(progress) }
  }
}

/// What the demonstration does.
struct DemoPlan: Sendable {
  let rounds: Int
  let workers: Int
  let liars: Int
  let lie: String
  let clients: Int
  let audit: Double
  let data: String?
  let seed: Int
  let port: Int
  let keeps: Bool
  let home: String?

  /// More processes than this machine-sized demonstration is for.
  private static let workersMax = 64

  init(_ arguments: Arguments) throws {
    rounds = try arguments.integer("rounds", in: 1...LedgerLimits.roundsMax) ?? 10
    workers = try arguments.integer("workers", in: 1...Self.workersMax) ?? 4
    liars = try arguments.integer("liars", in: 0...Self.workersMax) ?? 1
    lie = try NodeCommands.lie(arguments) ?? "random"
    clients = try arguments.integer("clients", in: 1...LedgerLimits.clientsMax) ?? 4
    audit = try arguments.number("audit", in: 0...1) ?? 1
    data = arguments.text("data")
    seed = try arguments.integer("seed", in: 0...Int(Int32.max)) ?? 1
    port = try arguments.integer("port", in: 0...65_535) ?? 8_080
    keeps = arguments.flags.contains("keep")
    home = arguments.text("home")
    guard liars < workers else {
      throw CommandFailure.usage(
        "\(liars) liars of \(workers) workers leave nobody honest",
        hint: "give fewer --liars or more --workers")
    }
    if let data { try ContentCommands.checkReadable(data) }
  }
}

/// Seconds of the monotonic clock, for what people read.
enum Clock {
  static func seconds() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
  }
}
