internal import CCurl
package import Primitives

/// Outgoing HTTP through libcurl: each exchange blocks one thread of a pool, never a loop.
///
/// Connections, names and TLS sessions are kept for the next request to the same place.
package final class HTTPClient: Sendable {
  /// Takes a piece of a response body; runs on a pool thread and may block. Throwing ends the
  /// exchange with that error.
  package typealias Sink = @Sendable (Bytes) throws -> Void

  /// Idle connections that are kept unless told otherwise.
  package static let idleConnectionsMax = 16

  private let pool: ComputePool
  private let slots: CurlSlots

  /// A client whose exchanges run on `pool`, and which keeps so many idle connections.
  package init(pool: ComputePool, idleConnectionsMax: Int = HTTPClient.idleConnectionsMax) {
    self.pool = pool
    slots = CurlSlots(idleMax: idleConnectionsMax)
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
    let slots = slots
    let cancellation = TransferCancellation()
    return try await withTaskCancellationHandler {
      try await pool.run {
        let place = request.place
        let slot = try slots.take(for: place)
        let response = try CurlTransfer(
          request, sink: sink, cancellation: cancellation, on: slot
        ).run()
        slots.keep(slot, for: place)
        return response
      }
    } onCancel: {
      cancellation.cancel()
    }
  }
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
