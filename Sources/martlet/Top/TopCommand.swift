import CShim
import Glibc
import Networking
import Persistence
import Primitives
import Telemetry

/// `node top`: watches the node that runs in this home.
enum TopCommand {
  static let command = Command(
    words: ["node", "top"], summary: "watch the node that runs in this home: peers, traffic, work",
    options: [
      Option(name: "once", summary: "print one picture and end"),
      Option(name: "interval", value: "SECONDS", summary: "between pictures (default 1)"),
    ], example: "martlet node top --home ~/worker-1", run: run)

  /// A rate needs two reports.
  private static let onceMilliseconds: Int32 = 500
  private static let plainRows = 200
  private static let intervalMax = 60

  @Sendable private static func run(_ arguments: Arguments) async throws {
    let interval = try arguments.integer("interval", in: 1...intervalMax) ?? 1
    let loop = try EventLoop()
    loop.start(named: "loop").detach()
    let source = Source(path: Homes.selected(arguments).file(PeerNode.controlName), loop: loop)
    if arguments.isJSON {
      return Output.line(try await source.report().text())
    }
    var history = History()
    if arguments.flags.contains("once") {
      history.add(try await source.report(), at: loop.now)
      _ = poll(nil, 0, onceMilliseconds)
      history.add(try await source.report(), at: loop.now)
      return Output.line(history.lines(rows: plainRows, columns: plainRows).joined(separator: "\n"))
    }
    history.add(try await source.report(), at: loop.now)
    guard let screen = Screen() else {
      return try await printLines(source, &history, interval: interval)
    }
    try await draw(on: screen, source, &history, interval: interval)
  }

  /// Without a terminal: a picture after the other.
  private static func printLines(
    _ source: Source, _ history: inout History, interval: Int
  ) async throws {
    while true {
      Output.line(
        (history.lines(rows: plainRows, columns: plainRows) + [""]).joined(separator: "\n"))
      try await source.loop.perform { try await source.loop.sleep(for: .seconds(interval)) }
      history.add(try await source.report(), at: source.loop.now)
    }
  }

  private static func draw(
    on screen: Screen, _ source: Source, _ history: inout History, interval: Int
  ) async throws {
    let stop = Stop()
    while !stop.isSet {
      let size = Terminal.size
      screen.show(
        Array(history.lines(rows: size.rows - 1, columns: size.columns).prefix(size.rows - 1))
          + ["q quits"])
      if waitForQuit(screen, stop, seconds: interval, size) { return }
      do {
        history.add(try await source.report(), at: source.loop.now)
      } catch let failure as CommandFailure where failure.code == .unreachable {
        // A node that is restarted comes back; the last picture stays until then.
        history.isGone = true
      }
    }
  }

  /// Whether the person wants to leave; ends early when the terminal has another size.
  private static func waitForQuit(
    _ screen: Screen, _ stop: Stop, seconds: Int, _ size: (columns: Int, rows: Int)
  ) -> Bool {
    for _ in 0..<(seconds * 10) where !stop.isSet {
      if let key = screen.key(within: 100), "qQ\u{3}\u{1b}".contains(key) { return true }
      if Terminal.size != size { return false }
    }
    return stop.isSet
  }
}

/// Ctrl-C and `kill` end the drawing, so that the terminal becomes as it was.
private final class Stop: Sendable {
  private let value = Lock(false)
  private let number: Int32

  var isSet: Bool { value.withLock { $0 } }

  init() {
    let signals = [ProcessSignal.interrupt.rawValue, ProcessSignal.terminate.rawValue]
    number = shim_signal_pipe(signals, Int32(signals.count))
    guard number >= 0 else { return }
    let (number, value) = (number, value)
    NamedThread("signals") {
      var waiting = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
      while poll(&waiting, 1, -1) < 1 {}
      value.withLock { $0 = true }
    }.detach()
  }
}

/// Where reports come from.
private struct Source: Sendable {
  let path: String
  let loop: EventLoop

  func report() async throws -> JSONValue {
    do {
      return try await PeerControl.ask("live", at: path, on: loop)
    } catch is SocketError {
      throw CommandFailure(
        "no node answers at \(path)",
        hint: "start one with `martlet node start`, and give the same --home", code: .unreachable)
    }
  }
}

/// The last reports, and the rates between them.
private struct History {
  private var last: (report: JSONValue, time: Tick)?
  private var before: TopFrame.Before?
  private var rates = TopFrame.Rates()
  /// Whether the node does not answer at the moment.
  var isGone = false

  mutating func add(_ report: JSONValue, at time: Tick) {
    isGone = false
    if let last {
      let seconds = time.duration(since: last.time) / .seconds(1)
      before = TopFrame.Before(report: last.report, seconds: seconds)
      if seconds > 0 {
        func rate(_ name: String) -> Double {
          let new = report[name]?.integer ?? 0
          return Double(max(0, new - (last.report[name]?.integer ?? 0))) / seconds
        }
        rates.add(received: rate("received"), sent: rate("sent"))
      }
    }
    last = (report, time)
  }

  func lines(rows: Int, columns: Int) -> [String] {
    guard let last else { return [] }
    let frame = TopFrame(
      report: last.report, before: before, rates: rates, columns: columns,
      isUnicode: Terminal.isUnicode)
    return (isGone ? ["the node does not answer; trying again"] : []) + frame.lines(rows: rows)
  }
}
