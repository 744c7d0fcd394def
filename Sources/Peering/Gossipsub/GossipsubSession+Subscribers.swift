extension GossipsubSession {
  /// The connected peers that listen to a topic.
  package func subscribers(of name: String) -> [PeerHandle] {
    names.topic(name).map { machine.subscribers(of: $0) } ?? []
  }
}
