import Networking
import Primitives

/// The same traffic without encryption and streams: what peer streams are compared with.
struct RawTCP: Sendable {
  /// First byte of a connection: echo pings, or send bulk.
  private enum Mode {
    static let echo: UInt8 = 1
    static let bulk: UInt8 = 2
  }

  let loop: EventLoop

  /// Accepts connections until the process ends.
  func serve(_ listener: SocketListener) async {
    await withDiscardingTaskGroup { group in
      while let number = try? await listener.accept() {
        group.addTask {
          let socket = Socket(number, on: loop)
          try? await answer(socket)
          socket.close()
        }
      }
    }
  }

  private func answer(_ socket: Socket) async throws {
    var bytes = Bytes()
    guard try await socket.read(appendingTo: &bytes, atMost: 1) == 1 else { return }
    if bytes == [Mode.bulk] {
      for _ in 0..<PeerBench.chunkCount { try await socket.write(PeerBench.chunk) }
      return
    }
    while true {
      bytes.removeAll(keepingCapacity: true)
      guard try await socket.read(appendingTo: &bytes) > 0 else { return }
      try await socket.write(bytes)
    }
  }

  /// Times of `count` echoes of 32 bytes.
  func echo(count: Int, port: UInt16) async throws -> [Duration] {
    let socket = try await connect(port, mode: Mode.echo)
    defer { socket.close() }
    var times: [Duration] = []
    for _ in 0..<count {
      let start = ContinuousClock.now
      try await socket.write(Bytes(repeating: 7, count: 32))
      var answer = Bytes()
      while answer.count < 32 { _ = try await socket.read(appendingTo: &answer) }
      times.append(ContinuousClock.now - start)
    }
    return times
  }

  /// Reads the bulk to its end.
  func download(port: UInt16) async throws {
    let socket = try await connect(port, mode: Mode.bulk)
    defer { socket.close() }
    var bytes = Bytes()
    while try await socket.read(appendingTo: &bytes) > 0 {
      bytes.removeAll(keepingCapacity: true)
    }
  }

  private func connect(_ port: UInt16, mode: UInt8) async throws -> Socket {
    let socket = try await Socket.connect(
      to: .tcp(host: "127.0.0.1", port: port), on: loop, within: .seconds(5))
    try await socket.write([mode])
    return socket
  }
}
