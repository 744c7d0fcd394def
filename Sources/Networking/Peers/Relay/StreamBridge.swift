import Primitives

/// Joins a stream to a socket, so that a whole connection runs inside the stream.
enum StreamBridge {
  /// How long the other side may take to end its direction once ours has ended.
  private static let grace: Duration = .seconds(2)

  /// Moves bytes both ways until both directions have ended or one has failed; closes both ends.
  static func run(_ stream: PeerStream, _ socket: Socket) async {
    let loop = socket.loop
    await loop.perform {
      await withDiscardingTaskGroup { group in
        group.addTask(executorPreference: loop.taskExecutor) { await outwards(socket, stream) }
        group.addTask(executorPreference: loop.taskExecutor) { await inwards(stream, socket) }
      }
      socket.close()
    }
  }

  /// A connection closes its socket as a whole, so nobody waits for the rest of the other side.
  private static func outwards(_ socket: Socket, _ stream: PeerStream) async {
    do {
      var bytes = Bytes()
      while try await socket.read(appendingTo: &bytes) > 0 {
        try await stream.write(bytes)
        bytes.removeAll(keepingCapacity: true)
      }
      await stream.finish()
      try await socket.loop.sleep(for: grace)
    } catch {}
    await stream.reset()
    socket.close()
  }

  private static func inwards(_ stream: PeerStream, _ socket: Socket) async {
    do {
      while let bytes = try await stream.read() { try await socket.write(bytes) }
      socket.finishWriting()
    } catch {
      socket.close()
    }
  }
}
