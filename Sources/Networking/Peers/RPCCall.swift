package import Cryptography
package import Peering
package import Primitives

/// A call that a peer makes to us.
package struct RPCCall: Sendable {
  /// Who calls, proven by the handshake.
  package let peer: PeerID
  /// What it asks.
  package let request: RPCRequest
  /// The connection the call came over; calls back may go the same way.
  package let connection: PeerConnection
  let stream: UInt32

  /// The next chunk of a streamed request, or nil at its end. The deadline holds for each chunk.
  package func nextChunk() async throws(PeerError) -> Bytes? {
    guard request.isStreamed else { return nil }
    return try await connection.nextChunk(from: stream)
  }
}

/// How a call is answered.
package enum RPCAnswer: Sendable {
  /// A result.
  case success(Bytes)
  /// A refusal.
  case failure(RPCError)
  /// A result and a body in chunks, written by the closure; an error it throws resets the stream.
  case streamed(Bytes, @Sendable (RPCBodyWriter) async throws -> Void)

  var response: RPCResponse {
    switch self {
    case .success(let body): .success(body)
    case .failure(let error): .failure(error)
    case .streamed(let head, _): .success(head, isStreamed: true)
    }
  }
}

/// Answers the calls of all peers. Runs on the loop: bulk work goes to a compute pool. Its task is
/// cancelled when the caller gives up or the deadline passes.
package typealias RPCHandler = @Sendable (RPCCall) async -> RPCAnswer

/// Writes a streamed body.
package struct RPCBodyWriter: Sendable {
  let connection: PeerConnection
  let stream: UInt32

  /// Sends one chunk of 1 to `RPCLimits.chunkBytesMax` bytes, waiting while the other side is slow.
  package func send(_ chunk: Bytes) async throws(PeerError) {
    precondition(!chunk.isEmpty && chunk.count <= RPCLimits.chunkBytesMax)
    try await connection.writeFrame(chunk, to: stream)
  }
}

/// Reads a streamed body; owns the stream until its end.
package struct RPCBodyReader: Sendable {
  /// The result in front of the body.
  package let head: Bytes
  let connection: PeerConnection
  let stream: UInt32

  /// The next chunk, or nil at the end of the body.
  package func nextChunk() async throws(PeerError) -> Bytes? {
    do throws(PeerError) {
      if let chunk = try await connection.nextChunk(from: stream) { return chunk }
      await connection.release(stream)
      return nil
    } catch {
      await connection.reset(stream)
      throw error
    }
  }

  /// Gives the rest of the body up.
  package func cancel() async {
    await connection.reset(stream)
  }
}
