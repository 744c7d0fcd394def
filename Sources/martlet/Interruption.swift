import CShim
import Glibc
import Networking
import Primitives
import Telemetry

/// Ctrl-C and `kill` for commands that run until somebody ends them.
enum Interruption {
  /// What a shell expects of a process that ended by a signal: 128 and the signal's number.
  fileprivate static let exitStatusBase: Int32 = 128

  /// Runs `action` on a thread of its own at the first interrupt, then ends the process.
  static func onFirst(_ action: @escaping @Sendable () -> Void) {
    let signals = [ProcessSignal.interrupt.rawValue, ProcessSignal.terminate.rawValue]
    let pipe = shim_signal_pipe(signals, Int32(signals.count))
    guard pipe >= 0 else { return }
    NamedThread("signals") {
      var number: UInt8 = 0
      while true {
        if read(pipe, &number, 1) == 1 { break }
        var waiting = pollfd(fd: pipe, events: Int16(POLLIN), revents: 0)
        _ = poll(&waiting, 1, -1)
      }
      action()
      exit(exitStatusBase + Int32(number))
    }.detach()
  }
}

/// The end of a process that takes part in a network until it is told to stop: soon, and with a
/// farewell.
enum OrderlyEnd {
  /// A farewell takes a second and a half. What takes longer than this after a signal, such as a
  /// training step, is cut off: files are always as a crash may leave them.
  private static let patience: UInt32 = 3

  /// Returns at the first signal that ends the process. It ends by itself soon after, or with the
  /// second signal at once.
  static func wait(for signals: SignalSource) async throws {
    let signal = try await signals.next()
    let status = Interruption.exitStatusBase + signal.rawValue
    NamedThread("end") {
      _ = sleep(patience)
      _exit(status)
    }.detach()
    // The handler of an impatient second signal is the system's again.
    for ending in [ProcessSignal.interrupt, .terminate] { Glibc.signal(ending.rawValue, SIG_DFL) }
  }
}
