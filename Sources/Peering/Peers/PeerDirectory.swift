/// What machines ask of the book behind `PeerHandle`: the rest of a peer stays there.
package protocol PeerDirectory {
  /// The peer's point in Kademlia's key space.
  func key(of peer: PeerHandle) -> DistanceKey

  /// Peers of one group count together against diversity limits: IPv4 /16, IPv6 /32; 0 means that
  /// no limit holds for the peer (loopback, names on an allow list).
  func addressGroup(of peer: PeerHandle) -> UInt32
}
