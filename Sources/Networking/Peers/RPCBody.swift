package import Primitives

/// How bodies of calls are cut.
private enum RPCBodySize {
  /// What a stream may send before the other side reads: many bodies at once then stay below what
  /// a connection holds of incomplete messages.
  static let chunkBytes = 256 << 10
}

extension RPCBodyWriter {
  /// Sends all of `bytes` in chunks, waiting while the other side is slow.
  package func send(all bytes: Bytes) async throws(PeerError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      try await send(Bytes(rest.prefix(RPCBodySize.chunkBytes)))
      rest = rest.dropFirst(RPCBodySize.chunkBytes)
    }
  }

  /// Passes a body on chunk by chunk: the next one is read when this one is on its way, so a slow
  /// receiver holds the sender back. Gives the source up when the receiver is gone.
  package func relay(_ source: RPCBodyReader) async throws(PeerError) {
    do {
      while let chunk = try await source.nextChunk() { try await send(chunk) }
    } catch {
      await source.cancel()
      throw error
    }
  }
}

extension RPCAnswer {
  /// A result, and bytes as its body.
  package static func streamed(_ head: Bytes, body: Bytes) -> RPCAnswer {
    .streamed(head) { try await $0.send(all: body) }
  }
}

extension RPCBodyReader {
  /// The rest of the body; nil if it has more than `max` bytes.
  package func collect(max: Int) async throws(PeerError) -> Bytes? {
    var content = Bytes()
    while let chunk = try await nextChunk() {
      guard content.count + chunk.count <= max else {
        await cancel()
        return nil
      }
      content += chunk
    }
    return content
  }
}

/// How long a transfer may take beside the work that it is for.
package enum TransferTime {
  /// A link of eight megabits a second carries the largest model within twenty minutes.
  private static let bytesPerSecondMin = 1 << 20

  /// What `byteCount` bytes may take.
  package static func allowance(for byteCount: Int) -> Duration {
    .seconds(byteCount / bytesPerSecondMin)
  }
}
