package import Cryptography
package import Peering

/// Why a peer could not be reached, or a call to it did not succeed.
package enum PeerError: Error, Equatable, Sendable {
  /// An address without an IP address, a TCP port or, where one dials, an identity.
  case addressNotUsable(Multiaddr)
  /// The socket failed.
  case socket(SocketError)
  /// The other side broke a protocol, or is not who the address says.
  case peering(PeeringError)
  /// The handshake took longer than `PeerTimeouts.handshake`.
  case handshakeTimedOut
  /// Nothing was heard for `PeerTimeouts.silence`.
  case silent(PeerID)
  /// The connection was closed by either side.
  case closed
  /// The other side does not speak the protocol.
  case protocolRefused(String)
  /// The other side gave up the stream.
  case streamReset
  /// The other side ended the stream inside a message.
  case streamEnded
  /// No answer within the deadline.
  case deadlineExceeded(method: String, after: Duration)
  /// The caller's task was cancelled.
  case cancelled
  /// The other side answered with an error.
  case refused(RPCError)
  /// Too many connections or tasks at once.
  case overloaded(limit: Int)
}

extension PeerError: CustomStringConvertible {
  /// One lower-case sentence without a full stop.
  package var description: String {
    switch self {
    case .addressNotUsable(let address): "\(address) cannot be dialled or listened on"
    case .socket(let error): "\(error)"
    case .peering(.wrongPeer(let expected, let actual)):
      "the address names \(expected), but \(actual) answered"
    case .peering(let error): "the peer broke the protocol: \(error)"
    case .handshakeTimedOut: "the handshake was not finished in time"
    case .silent(let peer): "\(peer) answers no pings"
    case .closed: "the connection is closed"
    case .protocolRefused(let name): "the peer does not speak \(name)"
    case .streamReset: "the peer gave up the stream"
    case .streamEnded: "the stream ended inside a message"
    case .deadlineExceeded(let method, let time): "`\(method)` was not answered within \(time)"
    case .cancelled: "the call was cancelled"
    case .refused(let error): "\(error.message) (\(error.code))"
    case .overloaded(let limit): "more than \(limit) at once"
    }
  }
}

/// How long a host waits for a peer.
package struct PeerTimeouts: Sendable {
  /// Three round trips and two signatures; a longer silence is not a slow link but no peer.
  package var handshake: Duration = .seconds(10)
  /// Without traffic for this long, a ping asks whether the peer is there.
  package var pingInterval: Duration = .seconds(2)
  /// Three unanswered pings. A killed process is noticed at once, by the end of its stream.
  package var silence: Duration = .seconds(6)

  /// The defaults.
  package init() {}
}

/// Limits of the peer driver.
package enum PeerLimits {
  /// Connections of one host; each holds some 200 KiB of buffers.
  package static let connectionsMax = 1_024
  /// Tasks of one host: connections, and the calls they are answering.
  package static let tasksMax = 16_384
  /// Bytes of incomplete messages of one connection: sixteen of the largest. A peer that begins
  /// more at once loses the connection.
  static let unreadBytesMax = 64 * 1_024 * 1_024
  /// Bytes read before other tasks of the loop get a turn.
  static let readTurnBytes = 512 * 1_024
  /// Room offered to one read of the socket.
  static let readBytesMin = 64 * 1_024
}
