/// Why a connection, a stream or memory was not granted.
package enum ResourceRefusal: Error, Equatable, Sendable {
  case connections(limit: Int)
  case inboundConnections(limit: Int)
  case handshakes(limit: Int)
  case connectionsOfPeer(limit: Int)
  case connectionsOfAddress(limit: Int)
  case inboundStreams(limit: Int)
  case inboundStreamsOfPeer(limit: Int)
  case inboundStreamsOfProtocol(String, limit: Int)
  case inboundStreamsOfProtocolAndPeer(String, limit: Int)
  case memory(limit: Int)
  case memoryOfPeer(limit: Int)
  case gossipQueue(limit: Int)
  case inboundConnectionsOfNetwork(limit: Int)
}

extension ResourceRefusal: CustomStringConvertible {
  /// What is full, and the limit's name.
  package var description: String {
    switch self {
    case .connections(let limit): "all \(limit) connections are in use (connectionsMax)"
    case .inboundConnections(let limit):
      "all \(limit) connections for others are in use (connectionsMax - outboundReserved)"
    case .handshakes(let limit): "\(limit) handshakes are going on (handshakesMax)"
    case .connectionsOfPeer(let limit):
      "the peer has \(limit) connections (connectionsPerPeerMax)"
    case .connectionsOfAddress(let limit):
      "the address has \(limit) connections (inboundPerAddressMax)"
    case .inboundStreams(let limit): "peers have \(limit) streams open (inboundStreamsMax)"
    case .inboundStreamsOfPeer(let limit):
      "the peer has \(limit) streams open (inboundStreamsPerPeerMax)"
    case .inboundStreamsOfProtocol(let name, let limit):
      "peers have \(limit) streams of \(name) open (inboundMax)"
    case .inboundStreamsOfProtocolAndPeer(let name, let limit):
      "the peer has \(limit) streams of \(name) open (inboundPerPeerMax)"
    case .memory(let limit): "connections hold \(limit) bytes (memoryBytesMax)"
    case .memoryOfPeer(let limit): "the peer holds \(limit) bytes (memoryBytesPerPeerMax)"
    case .gossipQueue(let limit): "\(limit) bytes of gossip wait for the peer (queueBytesMax)"
    case .inboundConnectionsOfNetwork(let limit):
      "the network has \(limit) connections (inboundPerNetworkMax)"
    }
  }
}
