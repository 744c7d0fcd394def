package import Peering
package import Primitives

/// What a protocol knows of a peer, for `PeerHost.whyReport`; nil when it knows nothing. Runs on
/// the loop.
package typealias PeerExplanation = @Sendable (PeerHandle) -> JSONValue?

/// How a host behaves towards peers.
package struct PeerHostSettings: Sendable {
  /// How long it waits.
  package var timeouts = PeerTimeouts()
  /// What it may hold.
  package var limits = ResourceLimits()
  /// Whether connections from loopback count against the limits of addresses and networks, as those
  /// from anywhere else do; a node behind a proxy on the same machine wants them not to.
  package var limitsLoopback = false
  /// Peers it remembers.
  package var bookPeersMax = PeerBookLimits.peersMax
  /// Whom it talks to at all.
  package var filter = PeerFilter()
  /// Whether it asks each peer what it is and speaks, and tells peers when it changes itself.
  package var identifiesPeers = true
  /// Looks names up for `/dns` addresses; without one such addresses are not dialled.
  package var resolver: NameResolver?
  /// Addresses that are told to peers beside those it listens on.
  package var announcedAddresses: [Multiaddr] = []
  /// Whether it dials from the port it listens on, which hole punching needs. Another process of
  /// the same user could then listen there too.
  package var dialsFromListenPort = false
  /// The secret of its private network: it talks to nobody who does not have it.
  package var privateNetwork: PrivateNetworkKey?
  /// What all its connections together may send, and what they may receive; nil for what the
  /// machine has.
  package var bandwidthMax: BitRate?
  /// Its software, as identify names it.
  package var agentVersion = "martlet"

  /// The defaults.
  package init() {}
}

/// What a host tells those who watch it; on the loop, in the order in which it happens.
package enum PeerEvent: Equatable, Sendable {
  /// The first connection with a peer is open.
  case connected(PeerHandle)
  /// What the peer is and speaks is now in the book, or changed there.
  case identified(PeerHandle)
  /// The last connection with a peer has ended.
  case disconnected(PeerHandle)
}
