package import Cryptography
package import Primitives

/// Times and limits of finding peers by multicast DNS.
package enum MDNSLimits {
  /// The first question and every answer waits a random part of this, so that nodes that begin or
  /// are asked together do not speak together (RFC 6762 §5.2, §6).
  static let delayMilliseconds = UInt64(20)...120
  /// The wait where the asker says that its known answers go on (RFC 6762 §7.2).
  static let truncatedDelayMilliseconds = UInt64(400)...500
  /// The pause after the first question; it doubles (RFC 6762 §5.2).
  static let firstPause: Duration = .seconds(1)
  /// The longest pause between questions (as rust-libp2p; RFC 6762 §5.2 allows an hour).
  static let longestPause: Duration = .seconds(300)
  /// No link hears more than one question and one answer of ours within this time, whoever asks
  /// (RFC 6762 §6).
  static let quiet: Duration = .seconds(1)
  /// Unasked answers when a node begins or its addresses change (RFC 6762 §8.3).
  static let announcements = 2
  /// How long what we say holds, as rust-libp2p: who vanished is forgotten in six minutes.
  package static let lifetimeSeconds: UInt32 = 360
  /// The longest that anything heard is believed, shorter than an address stays in a `PeerBook`.
  package static let lifetimeSecondsMax: UInt32 = 1_200
  /// What is left after a peer took its name back (RFC 6762 §10.1).
  static let goodbyeLifetime: Duration = .seconds(1)
  /// What is said again within this time is not reported again; an address stays three times as
  /// long in a `PeerBook`.
  package static let reportPause: Duration = .seconds(600)
  /// Names remembered; more than any link has nodes of one network.
  package static let namesMax = 1_024
  /// Names that one sender may fill: processes of one machine.
  package static let namesPerSenderMax = 32
  /// Names that may claim one peer: the peer on two links, and before and after it began anew.
  package static let namesPerPeerMax = 4
  /// Addresses believed of one name.
  package static let addressesMax = 8
  /// Texts of one name that are read.
  static let textsMax = 32
  /// Our own addresses in one answer: what fits one packet beside the rest.
  static let ownAddressesMax = 8
  /// Names whose texts are asked for at once; all of them are asked for again a few times.
  static let unresolvedMax = 16
  /// How often the texts of a name are asked for.
  static let resolvingTriesMax: UInt8 = 3
  /// The largest message that crosses every link whole: 1,500 bytes less IPv6 and UDP.
  static let sentBytesMax = 1_452
  /// Peers named in a question as known, which then do not answer it.
  static let knownAnswersMax = 16
  /// Messages read from one link within a second; the rest is dropped unread.
  package static let messagesPerSecondMax = 256
  /// And of one sender.
  package static let messagesPerSenderMax = 32
  /// Senders counted one by one within a second.
  static let sendersMax = 256
  /// Links of one machine.
  package static let linksMax = 32
  /// The port of multicast DNS: answers from any other are none (RFC 6762 §6).
  package static let port: UInt16 = 5_353
}

/// One way to reach neighbours: an interface and an IP version.
package struct MDNSLink: Hashable, Sendable {
  /// One address of the interface.
  package struct Address: Hashable, Sendable {
    /// 4 or 16 bytes.
    package let ip: Bytes
    /// Bits that all neighbours share.
    package let prefixLength: Int

    /// An address.
    package init(ip: Bytes, prefixLength: Int) {
      self.ip = ip
      self.prefixLength = prefixLength
    }

    /// Whether another address is a neighbour's.
    package func contains(_ other: Bytes) -> Bool {
      guard other.count == ip.count, (0...ip.count * 8).contains(prefixLength) else { return false }
      for index in ip.indices {
        let bits = min(8, max(0, prefixLength - index * 8))
        let mask = UInt8(truncatingIfNeeded: 0xFF00 >> bits)
        guard (ip[index] ^ other[index]) & mask == 0 else { return false }
      }
      return true
    }
  }

  /// A number that stays while the link is there.
  package let number: UInt32
  /// Whether only this machine is on it.
  package let isLoopback: Bool
  /// The interface's addresses.
  package let addresses: [Address]

  /// A link.
  package init(number: UInt32, isLoopback: Bool, addresses: [Address]) {
    self.number = number
    self.isLoopback = isLoopback
    self.addresses = addresses
  }

  /// Whether a sender is a neighbour; a packet from elsewhere is not for us (RFC 6762 §11). On the
  /// loopback link everybody is, since the kernel may send there from any of its addresses.
  package func isNeighbour(_ ip: Bytes) -> Bool {
    isLoopback || addresses.contains { $0.contains(ip) } || Self.isLinkLocal(ip)
  }

  private static func isLinkLocal(_ ip: Bytes) -> Bool {
    ip.count == 16 ? ip[0] == 0xFE && ip[1] & 0xC0 == 0x80 : ip.starts(with: [169, 254])
  }
}

/// What happens to a finder.
package enum MDNSEvent: Equatable, Sendable {
  /// These are the links now: the first time it begins, later they have changed.
  case links([MDNSLink])
  /// These are our addresses now.
  case ownAddresses([Multiaddr])
  /// A packet came.
  case received(Bytes, link: UInt32, from: Bytes, port: UInt16)
  /// Time has passed.
  case tick
  /// It ends.
  case stop
}

/// What a finder does.
package enum MDNSEffect: Equatable, Sendable {
  /// Send to everybody on a link.
  case send(Bytes, link: UInt32)
  /// A neighbour says that a peer listens there: news, or what was not reported for a while.
  /// Nothing is proven yet.
  case found(PeerID, [Multiaddr])
  /// No name claims the peer any more.
  case lost(PeerID)
}

/// Why something heard was not believed.
package enum MDNSRefusal: Hashable, CaseIterable, Sendable {
  /// More packets than are read within a second.
  case tooManyMessages
  /// The sender is no neighbour on the link.
  case notNeighbour
  /// Not DNS.
  case malformed
  /// An answer that does not come from the port of multicast DNS.
  case port
  /// An address that names no peer, or another one than the addresses before it.
  case otherPeer
  /// Somebody else speaks of a name than who told it.
  case otherSender
  /// It claims to be ourselves.
  case ownPeer
  /// An address that nobody on the link can have, or that leads through a relay or by a name.
  case address
  /// More names of one peer or sender than are remembered.
  case tooManyNames
}
