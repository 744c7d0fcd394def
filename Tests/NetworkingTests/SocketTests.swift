import Networking
import Primitives
import Testing

@Suite("sockets")
struct SocketTests {
  private static func echo(_ socket: Socket) async throws {
    var bytes = Bytes()
    while try await socket.read(appendingTo: &bytes) > 0 {
      try await socket.write(bytes)
      bytes.removeAll(keepingCapacity: true)
    }
    socket.close()
  }

  @Test("a megabyte comes back through a TCP echo", arguments: ["127.0.0.1", "::1"])
  func echoes(host: String) async throws {
    let sent = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let received = try await withLoop { loop in
      try await loop.perform {
        let listener = try SocketListener(at: .tcp(host: host, port: 0), on: loop)
        async let served: Void = Self.echo(Socket(listener.accept(), on: loop))
        let socket = try await Socket.connect(
          to: listener.address, on: loop, within: .seconds(10))
        async let written: Void = {
          try await socket.write(sent)
          socket.finishWriting()
        }()
        var received = Bytes()
        while try await socket.read(appendingTo: &received) > 0 {}
        try await written
        try await served
        socket.close()
        listener.close()
        return received
      }
    }
    #expect(received == sent)
  }

  @Test("closing a socket wakes its reader, and a deadline ends a read")
  func closeAndDeadline() async throws {
    try await withLoop { loop in
      try await loop.perform {
        let (left, right) = try Socket.pair(on: loop)
        var bytes = Bytes()
        await #expect(throws: SocketError.timedOut) {
          try await left.read(
            appendingTo: &bytes, deadline: loop.now.advanced(by: .milliseconds(1)))
        }
        loop.schedule(after: .milliseconds(1)) { left.close() }
        await #expect(throws: SocketError.closed) { try await left.read(appendingTo: &bytes) }
        #expect(try await right.read(appendingTo: &bytes) == 0)
        right.close()
      }
    }
  }

  @Test("cancelling a task wakes its read")
  func cancelledRead() async throws {
    try await withLoop { loop in
      let reading = Task(executorPreference: loop.taskExecutor) {
        let (left, right) = try Socket.pair(on: loop)
        defer { right.close() }
        var bytes = Bytes()
        _ = try await left.read(appendingTo: &bytes)
      }
      reading.cancel()
      await #expect(throws: SocketError.cancelled) { try await reading.value }
    }
  }

  @Test("a port in use and a refused connection have their own errors")
  func namedErrors() async throws {
    try await withLoop { loop in
      try await loop.perform {
        let listener = try SocketListener(at: .tcp(host: "127.0.0.1", port: 0), on: loop)
        let name = listener.address.description
        #expect(throws: SocketError.addressInUse(name)) {
          try SocketListener(at: listener.address, on: loop)
        }
        listener.close()
        await #expect(throws: SocketError.refused(name)) {
          try await Socket.connect(to: listener.address, on: loop, within: .seconds(1))
        }
      }
    }
  }
}
