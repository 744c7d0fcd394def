internal import CShim
internal import Glibc

/// Accepts stream connections at a TCP address or a Unix socket file.
package final class SocketListener: Sendable {
  /// The kernel's queue of connections not yet accepted; Linux caps it at `somaxconn` anyway.
  private static let backlog: Int32 = 1_024
  /// How long accepting rests when the process has no descriptor left: closing ones need a moment.
  private static let exhaustedPause: Duration = .milliseconds(100)

  private let descriptor: Descriptor
  /// The address as bound: a port 0 has become the real one.
  package let address: SocketAddress

  /// Binds and listens; must be called on the loop. With `sharesPort` connections can be made from
  /// the same port.
  package init(
    at wanted: SocketAddress, on loop: EventLoop, sharesPort: Bool = false
  ) throws(SocketError) {
    let status =
      switch wanted {
      case .tcp(let host, let port): shim_listen_ip(host, port, Self.backlog, sharesPort ? 1 : 0)
      case .unix(let path): shim_listen_unix(path, Self.backlog)
      }
    let number = try SocketError.checked(status, "listen", wanted.description)
    descriptor = Descriptor(number, on: loop)
    if case .unix = wanted { address = wanted } else { address = .local(of: number) }
  }

  /// The next connection's descriptor; make a `Socket` of it on the loop.
  package nonisolated(nonsending) func accept() async throws(SocketError) -> Int32 {
    while true {
      guard descriptor.isStillOpen else { throw .closed }
      let number = shim_accept(descriptor.number)
      if number >= 0 { return number }
      switch -number {
      case EAGAIN: try await descriptor.wait(for: .reading)
      case ECONNABORTED, EINTR, EPROTO: continue
      case EMFILE, ENFILE, ENOBUFS, ENOMEM: try await rest()
      default: throw SocketError(code: -number, call: "accept", subject: "\(address)")
      }
    }
  }

  private nonisolated(nonsending) func rest() async throws(SocketError) {
    do { try await descriptor.loop.sleep(for: Self.exhaustedPause) } catch { throw .cancelled }
  }

  /// Stops listening, wakes a waiting `accept()` and removes a socket file.
  package func close() {
    guard descriptor.isStillOpen else { return }
    descriptor.close()
    if case .unix(let path) = address { unlink(path) }
  }
}
