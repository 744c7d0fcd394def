internal import CShim
internal import Glibc

/// The process signals a server answers to.
package enum ProcessSignal: Int32, Sendable, CaseIterable {
  /// Ctrl-C: end in order.
  case interrupt = 2
  /// What `kill` and service managers send: end in order.
  case terminate = 15
  /// Read certificates and settings again.
  case hangUp = 1
}

/// Turns process signals into values on a loop, through a pipe that the handler writes to.
package final class SignalSource: Sendable {
  private let descriptor: Descriptor

  /// Takes over the signals for the whole process; a second source is refused. On the loop only.
  package init(_ signals: [ProcessSignal], on loop: EventLoop) throws(SocketError) {
    let numbers = signals.map(\.rawValue)
    let status = shim_signal_pipe(numbers, Int32(numbers.count))
    descriptor = Descriptor(try SocketError.checked(status, "signal pipe"), on: loop)
  }

  /// The next signal.
  package nonisolated(nonsending) func next() async throws(SocketError) -> ProcessSignal {
    while true {
      guard descriptor.isStillOpen else { throw .closed }
      var number: UInt8 = 0
      if read(descriptor.number, &number, 1) == 1,
        let signal = ProcessSignal(rawValue: Int32(number))
      {
        return signal
      }
      try await descriptor.wait(for: .reading)
    }
  }

  /// Wakes a waiting `next()`; signals that come later are lost.
  package func close() {
    descriptor.close()
  }
}
