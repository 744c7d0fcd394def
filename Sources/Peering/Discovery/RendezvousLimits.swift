/// Limits of the rendezvous protocol (libp2p/specs rendezvous/README.md).
package enum RendezvousLimits {
  /// How long a registration stands that names no time.
  package static let lifetime: Duration = .seconds(2 * 3_600)
  /// The longest that a registration may stand.
  package static let lifetimeMax: Duration = .seconds(72 * 3_600)
  /// The shortest: below, renewing would cost a point more than listing (as py-libp2p).
  package static let lifetimeMin: Duration = .seconds(120)
  /// The longest namespace in bytes.
  package static let namespaceBytesMax = 255
  /// A signed record with eight addresses has some 300 bytes; the point keeps it for days.
  package static let recordBytesMax = 4 * 1_024
  /// Registrations of one answer to somebody who names no number.
  package static let pageDefault = 100
  /// Registrations of one answer.
  package static let pageMax = 1_000
  /// The largest message that is read.
  package static let messageBytesMax = 1_024 * 1_024
  /// The largest message that a point reads: a registration with the largest record.
  package static let requestBytesMax = 8 * 1_024
  /// A page ends before it has more bytes of registrations.
  static let pageBytesMax = 512 * 1_024
  /// Tags, lengths and time of one registration in a page.
  static let entryOverheadBytes = 32
  /// A cookie of another implementation is kept and handed back as it is.
  package static let cookieBytesMax = 256
}

/// What a rendezvous point holds and answers.
package struct RendezvousServerLimits: Equatable, Sendable {
  /// Registrations of all peers.
  package var registrationsMax = 16_384
  /// Registrations in one namespace.
  package var perNamespaceMax = 4_096
  /// Namespaces that one peer is registered in.
  package var perPeerMax = 32
  /// Registrations of peers in one address group (IPv4 /16, IPv6 /32): one operator cannot take
  /// them all.
  package var perGroupMax = 1_024
  /// Bytes of all records.
  package var bytesMax = 16 * 1_024 * 1_024
  /// Messages of one peer a minute.
  package var requestsPerMinuteMax = 120
  /// Whether peers of the first draft, which send addresses without a signature, are served (as
  /// py-libp2p 0.8.1 does). What they say is checked against the connection and nothing else.
  package var takesUnsigned = false

  /// The defaults.
  package init() {}
}

/// How a node uses its rendezvous points.
package struct RendezvousClientSettings: Equatable, Sendable {
  /// How long a registration is asked for.
  package var lifetime: Duration = RendezvousLimits.lifetime
  /// The pause between two rounds of discovery.
  package var discoverInterval: Duration = .seconds(60)
  /// Whether it registers at all, or only looks.
  package var registers = true

  /// The defaults.
  package init() {}
}
