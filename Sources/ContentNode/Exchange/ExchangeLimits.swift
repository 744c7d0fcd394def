import Primitives

/// What the exchange of content with other nodes spends at most.
package enum ExchangeLimits {
  /// Pieces of blocking work (disk, hashing) that wait for a thread.
  static let jobsMax = 4_096
  /// Threads for blocking work: one reads for others while one writes what was fetched.
  static let threads = 2
  /// Messages of at most so many bytes are read where they arrive.
  static let smallMessageBytes = 16 << 10
  /// Bytes of bitswap messages that wait for one slow peer, besides those that the machine counts.
  static let queueBytesMax = 4 << 20
  /// Streams of bitswap that one peer may have opened: Kubo sends each message of blocks on one of
  /// its own, from eight workers at a time, and one that ended may not be read yet.
  static let bitswapStreamsPerPeerMax = 64
  /// The same for all peers.
  static let bitswapStreamsMax = 2_048
  /// Streams that are tried to send a message to a peer.
  static let streamAttemptsMax = 3
  /// Blocks that are looked for ahead of the one that a walk waits for.
  static let lookaheadMax = 64
  /// Blocks that are taken from the store in one piece of work, so that it ends soon.
  static let localBlocksPerStep = 512
  /// Bytes of an archive that are read, hashed and sent at a time.
  static let pieceBytes = 1 << 20
  /// Archives that one peer, and all peers, are sent at a time. Each holds two pieces in memory.
  static let archivesPerPeerMax = 8
  /// The same for all peers.
  static let archivesMax = 64
  /// Peers that are asked for parts of one tree at the same time.
  static let partnersMax = 8
  /// Parts that each of several peers gets on the average: the faster one takes more of them.
  static let partsPerPartner = 4
  /// Providers that a search looks for.
  static let providersWanted = 8
  /// Peers whose misconduct is remembered.
  static let reportedPeersMax = 1_024
}

/// How long the exchange of content waits for other nodes.
package struct ExchangeTimeouts: Sendable {
  /// An archive of which nothing comes, or that is not read, for so long is given up.
  package var stall: Duration = .seconds(10)
  /// How long a peer may take to find the beginning of an archive, or for the rest of a message.
  package var answer: Duration = .seconds(20)

  /// The defaults.
  package init() {}
}
