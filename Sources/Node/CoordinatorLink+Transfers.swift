package import Networking
package import Primitives

/// Calls with bodies: what does not fit one message.
extension CoordinatorLink {
  /// Calls the coordinator; the body of its answer is read piece by piece.
  package func stream(
    _ method: String, _ body: Bytes, deadline: Duration = .seconds(10)
  ) async throws -> RPCBodyReader {
    guard let connection else { throw NodeError.notConnected }
    return try await connection.requestStream(method: method, body: body, deadline: deadline)
  }

  /// Calls the coordinator and collects the streamed body of its answer, at most `max` bytes.
  package func download(
    _ method: String, _ body: Bytes, max: Int, deadline: Duration = .seconds(10)
  ) async throws -> Bytes {
    let reader = try await stream(method, body, deadline: deadline)
    guard let content = try await reader.collect(max: max) else {
      throw NodeError.wrongContent("more than \(max) bytes")
    }
    return content
  }

  /// Calls the coordinator with `content` as the body of the call; `deadline` is for everything but
  /// the transfer.
  package func upload(
    _ method: String, _ body: Bytes, content: Bytes, deadline: Duration
  ) async throws -> Bytes {
    guard let connection else { throw NodeError.notConnected }
    return try await connection.upload(
      method: method, body: body,
      deadline: deadline + TransferTime.allowance(for: content.count)
    ) { writer throws(PeerError) in try await writer.send(all: content) }
  }
}
