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
  /// Too many tasks, or bytes of unfinished messages, at once.
  case overloaded(limit: Int)
  /// A limit of ours left no room.
  case refusedByUs(ResourceRefusal)
  /// A list of ours keeps the peer or the address out.
  case filtered(FilterRefusal)
  /// The peer is ourselves.
  case ownPeer
  /// No address that could be dialled is known for the peer.
  case noAddress(PeerID)
  /// Each known address failed lately and is not tried again yet.
  case dialledTooSoon(PeerID, wait: Duration)
  /// Each address failed.
  case dialsFailed(PeerID, [PeerError])
  /// A relay, or the peer behind it, said no.
  case relayRefused(RelayStatus)
  /// A relay's message is none.
  case relay(RelayFault)
  /// A message about reachability is none.
  case reachability(ReachabilityFault)
  /// A rendezvous point said no.
  case rendezvousRefused(RendezvousStatus)
  /// A rendezvous point's message is none.
  case rendezvous(RendezvousFault)
  /// What a peer signed does not hold.
  case envelope(EnvelopeFault)
  /// A name that stands for no address of the wanted kind.
  case nameUnknown(String)
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
    case .refusedByUs(let refusal): "\(refusal)"
    case .filtered(let refusal): "\(refusal)"
    case .ownPeer: "the peer is this node itself"
    case .noAddress(let peer): "no address of \(peer) is known"
    case .dialledTooSoon(let peer, let wait):
      "the addresses of \(peer) failed lately and are tried again in \(wait)"
    case .dialsFailed(_, let errors):
      "each address failed: " + errors.map(\.description).joined(separator: "; ")
    case .relayRefused(let status): "the relay refused (\(status))"
    case .relay(let fault): "a relay's message is malformed (\(fault))"
    case .reachability(let fault): "a message about reachability is malformed (\(fault))"
    case .rendezvousRefused(let status): "the rendezvous point refused (\(status))"
    case .rendezvous(let fault): "a rendezvous message is malformed (\(fault))"
    case .envelope(let fault): "what the peer signed does not hold (\(fault))"
    case .nameUnknown(let name): "`\(name)` stands for no address"
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
  /// Calls of one peer that may wait for their answer or to be told `busy`.
  static let rpcStreamsPerPeerMax = 512
  /// Calls of all peers.
  static let rpcStreamsMax = 8_192
  /// Changes of what a connection holds are told to the host's budget in steps of this size.
  static let memoryStepBytes = 64 * 1_024
  /// Without streams for this long, an inbound connection may have to make room for a newcomer.
  package static let evictableIdle: Duration = .seconds(30)
  /// Tasks of one host: connections, and the calls they are answering.
  package static let tasksMax = 16_384
  /// Bytes of incomplete messages of one connection: sixteen of the largest. A peer that begins
  /// more at once loses the connection.
  static let unreadBytesMax = 64 * 1_024 * 1_024
  /// A message up to this size is joined with its length, to travel in one muxer frame.
  static let joinedFrameBytesMax = 4 * 1_024
  /// Bytes read before other tasks of the loop get a turn.
  static let readTurnBytes = 512 * 1_024
  /// Room offered to one read of the socket.
  static let readBytesMax = 256 * 1_024
  /// Bytes handed to one reader of a raw stream at once.
  package static let readBytesMin = 64 * 1_024
}
