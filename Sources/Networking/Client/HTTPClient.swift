internal import CCurl
package import Primitives
internal import Synchronization

/// Outgoing HTTP through libcurl: each exchange blocks one thread of a pool, never a loop.
package final class HTTPClient: Sendable {
  /// Takes a piece of a response body; runs on a pool thread and may block. Throwing ends the
  /// exchange with that error.
  package typealias Sink = @Sendable (Bytes) throws -> Void

  private static let isCurlReady = shim_curl_load()

  private let pool: ComputePool

  /// A client whose exchanges run on `pool`.
  package init(pool: ComputePool) {
    self.pool = pool
  }

  /// Sends a request and returns the whole response.
  package func send(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
    try await exchange(request, sink: nil)
  }

  /// Sends a request and hands a successful response's body to `sink` as it comes. The body of a
  /// response whose status is not 2xx is returned instead.
  package func send(
    _ request: HTTPClientRequest, streamingTo sink: @escaping Sink
  ) async throws -> HTTPClientResponse {
    try await exchange(request, sink: sink)
  }

  /// Sends a request and hands each server-sent event to `receive` until the stream ends.
  package func events(
    of request: HTTPClientRequest, _ receive: @escaping @Sendable (ServerSentEvent) throws -> Void
  ) async throws -> HTTPClientResponse {
    let reader = EventReader(receive)
    return try await exchange(request) { try reader.feed($0) }
  }

  private func exchange(
    _ request: HTTPClientRequest, sink: Sink?
  ) async throws -> HTTPClientResponse {
    guard Self.isCurlReady else { throw HTTPClientError.unavailable }
    let isCancelled = CancellationFlag()
    return try await withTaskCancellationHandler {
      try await pool.run {
        try CurlTransfer(request, sink: sink, isCancelled: isCancelled).run()
      }
    } onCancel: {
      isCancelled.value.store(true, ordering: .relaxed)
    }
  }
}

/// Set by the task, seen by the transfer about once a second and at each piece.
final class CancellationFlag: Sendable {
  let value = Atomic(false)
}

/// Feeds one stream's pieces to the event decoder.
private final class EventReader: Sendable {
  /// Touched only by the one pool thread that runs the exchange.
  private nonisolated(unsafe) var decoder = ServerSentEventDecoder()
  private let receive: @Sendable (ServerSentEvent) throws -> Void

  init(_ receive: @escaping @Sendable (ServerSentEvent) throws -> Void) {
    self.receive = receive
  }

  func feed(_ bytes: Bytes) throws {
    for event in try decoder.feed(bytes) { try receive(event) }
  }
}
