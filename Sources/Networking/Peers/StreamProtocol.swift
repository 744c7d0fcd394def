package import Peering

/// Serves one stream that a peer opened. When it returns, our side of the stream is finished; an
/// error that it throws resets the stream.
package typealias StreamHandler = @Sendable (PeerStream) async throws -> Void

/// A protocol of streams that a host serves: a peer names it in full or does not get it.
package struct StreamProtocol: Sendable {
  /// The name on the wire, such as `/ipfs/kad/1.0.0`.
  package let id: String
  /// How many streams of it peers may have open.
  package let limits: StreamLimits
  /// Whether identify names it to peers.
  package let isAdvertised: Bool
  let handler: StreamHandler

  /// A protocol.
  package init(
    _ id: String, limits: StreamLimits = StreamLimits(), isAdvertised: Bool = true,
    handler: @escaping StreamHandler
  ) {
    self.id = id
    self.limits = limits
    self.isAdvertised = isAdvertised
    self.handler = handler
  }
}
