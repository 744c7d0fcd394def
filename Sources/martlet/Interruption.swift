import CShim
import Glibc
import Networking
import Telemetry

/// Ctrl-C and `kill` for commands that run until somebody ends them.
enum Interruption {
  /// What a shell expects of a process that ended by a signal: 128 and the signal's number.
  private static let exitStatusBase: Int32 = 128

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
