internal import CShim
internal import Glibc
package import Primitives

/// A connected stream socket, read by pulling: nothing is read before somebody asks.
///
/// Each call tries the system call first and suspends only when it would block. Confined to the
/// loop; one reader and one writer at a time.
package final class Socket: Sendable {
  /// One read takes at most this: about a socket buffer's worth, affordable for every connection.
  package static let readBytesMax = 65_536

  /// Readiness and the lifetime of the descriptor.
  package let descriptor: Descriptor
  /// The other side.
  package let remoteAddress: SocketAddress

  /// Takes over a connected, non-blocking descriptor.
  package init(_ number: Int32, on loop: EventLoop) {
    descriptor = Descriptor(number, on: loop)
    remoteAddress = .remote(of: number)
  }

  /// The loop it is confined to.
  package var loop: EventLoop { descriptor.loop }

  /// This side.
  package var localAddress: SocketAddress { .local(of: descriptor.number) }

  /// Connects to a numeric host or a file, within `timeout`; from `source` where a port is shared
  /// with a listener.
  package nonisolated(nonsending) static func connect(
    to address: SocketAddress, from source: SocketAddress? = nil, on loop: EventLoop,
    within timeout: Duration
  ) async throws(SocketError) -> Socket {
    loop.preconditionCurrent()
    let status =
      switch address {
      case .tcp(let host, let port):
        if case .tcp(let ownHost, let ownPort)? = source {
          shim_connect_ip_from(host, port, ownHost, ownPort)
        } else {
          shim_connect_ip(host, port)
        }
      case .unix(let path): shim_connect_unix(path)
      }
    let number = try SocketError.checked(status, "connect", address.description)
    let pending = Descriptor(number, on: loop)
    do throws(SocketError) {
      try await pending.wait(
        for: .writing, deadline: loop.now.advanced(by: timeout))
      let code = shim_socket_error(number)
      if code != 0 { throw SocketError(code: code, call: "connect", subject: "\(address)") }
    } catch {
      pending.close()
      throw error
    }
    return Socket(connected: pending)
  }

  private init(connected descriptor: Descriptor) {
    self.descriptor = descriptor
    remoteAddress = .remote(of: descriptor.number)
  }

  /// Two sockets joined to each other, for tests.
  package static func pair(on loop: EventLoop) throws(SocketError) -> (Socket, Socket) {
    var numbers: [Int32] = [-1, -1]
    _ = try SocketError.checked(shim_socket_pair(&numbers), "socketpair")
    return (Socket(numbers[0], on: loop), Socket(numbers[1], on: loop))
  }

  // MARK: Reading

  /// Reads what is there without waiting: nil when nothing is, 0 at the end of the stream.
  package func readNow(into buffer: UnsafeMutableRawBufferPointer) throws(SocketError) -> Int? {
    loop.preconditionCurrent()
    guard descriptor.isStillOpen else { throw .closed }
    guard descriptor.mayBeReadable else { return nil }
    let count = shim_receive(descriptor.number, buffer.baseAddress, buffer.count)
    if count < buffer.count, count != 0 { descriptor.mayBeReadable = false }
    if count >= 0 { return count }
    if count == -Int(EAGAIN) { return nil }
    throw SocketError(code: Int32(clamping: -count), call: "recv")
  }

  /// Reads at least one byte into `buffer`, or 0 at the end of the stream.
  package nonisolated(nonsending) func read(
    into buffer: UnsafeMutableRawBufferPointer, deadline: Tick? = nil
  ) async throws(SocketError) -> Int {
    while true {
      if let count = try readNow(into: buffer) { return count }
      try await descriptor.wait(for: .reading, deadline: deadline)
    }
  }

  /// Appends at least one and at most `countMax` bytes; returns 0 at the end of the stream.
  package nonisolated(nonsending) func read(
    appendingTo bytes: inout Bytes, atMost countMax: Int = Socket.readBytesMax,
    deadline: Tick? = nil
  ) async throws(SocketError) -> Int {
    while true {
      if let count = try readNow(appendingTo: &bytes, atMost: countMax) { return count }
      try await descriptor.wait(for: .reading, deadline: deadline)
    }
  }

  /// Appends what is there without waiting: nil when nothing is, 0 at the end of the stream.
  package func readNow(
    appendingTo bytes: inout Bytes, atMost countMax: Int = Socket.readBytesMax
  ) throws(SocketError) -> Int? {
    let buffer = UnsafeMutableRawBufferPointer(
      rebasing: loop.scratch[..<min(countMax, loop.scratch.count)])
    guard let count = try readNow(into: buffer) else { return nil }
    bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    return count
  }

  /// Whether the other side has closed its half or reset the connection, seen without reading.
  package var isAtEnd: Bool {
    !descriptor.isStillOpen || shim_is_at_end(descriptor.number) != 0
  }

  // MARK: Writing

  /// Writes what the kernel takes without waiting; 0 when it takes nothing now.
  package func writeNow(_ bytes: UnsafeRawBufferPointer) throws(SocketError) -> Int {
    loop.preconditionCurrent()
    guard descriptor.isStillOpen else { throw .closed }
    let count = shim_send(descriptor.number, bytes.baseAddress, bytes.count)
    if count >= 0 { return count }
    if count == -Int(EAGAIN) { return 0 }
    throw SocketError(code: Int32(clamping: -count), call: "send")
  }

  /// Writes all of `bytes`, waiting while the other side is slow.
  package nonisolated(nonsending) func write(
    _ bytes: Bytes, deadline: Tick? = nil
  ) async throws(SocketError) {
    var start = 0
    while start < bytes.count {
      start += try writeNow(bytes, from: start)
      if start < bytes.count {
        try await descriptor.wait(for: .writing, deadline: deadline)
      }
    }
  }

  /// Writes from `start` what the kernel takes without waiting.
  package func writeNow(_ bytes: Bytes, from start: Int) throws(SocketError) -> Int {
    try bytes.span.bytes.withUnsafeBytes { (all) throws(SocketError) -> Int in
      try writeNow(UnsafeRawBufferPointer(rebasing: all[start...]))
    }
  }

  /// Tells the other side that nothing more comes; reading goes on.
  package func finishWriting() {
    guard descriptor.isStillOpen else { return }
    _ = shim_shutdown_write(descriptor.number)
  }

  /// Closes the socket; a suspended read or write throws `SocketError.closed`.
  package func close() {
    descriptor.close()
  }
}
