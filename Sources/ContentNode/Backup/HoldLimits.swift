package import Cryptography

/// What keeping blocks for others, and asking others to keep some, spends at most.
package enum HoldLimits {
  /// Requests of one peer at a time: one that fetches and one that asks.
  static let requestsPerPeerMax = 4
  /// The same for all peers: each may fetch.
  static let requestsMax = 32
  /// Blocks that are fetched before their sizes are compared with what the owner said.
  static let blocksPerFetch = 32
  /// Owners that have blocks here.
  static let ownersMax = 1_024
  /// Blocks of all owners: each takes some 150 bytes of memory.
  static let blocksMax = 1 << 20
  /// Bytes for an owner unless told otherwise: nothing is kept by default, and who allows it
  /// without a number gives ten gigabytes.
  package static let bytesPerOwner: UInt64 = 10 << 30
  /// Storage nodes of one backup: as many as a group has members, several times over.
  package static let nodesMax = 256
  /// Times that members are placed anew after nodes took less than they were given.
  static let attemptsMax = 8
}

/// How long owners and storage nodes wait for each other.
package struct HoldTimeouts: Sendable {
  /// For the request.
  package var request: Duration = .seconds(10)
  /// For an answer that needs no fetching.
  package var answer: Duration = .seconds(20)
  /// For the blocks of one request to be fetched: 64 MiB over a slow link.
  package var keep: Duration = .seconds(180)

  /// The defaults.
  package init() {}
}

/// For whom a storage node keeps blocks, and how many bytes.
package struct HoldPolicy: Equatable, Sendable {
  /// Who may ask.
  package enum Owners: Equatable, Sendable {
    /// These peers; each has the bytes.
    case named(Set<PeerID>)
    /// Everybody; all together have the bytes.
    case anybody
  }

  /// Who may ask.
  package let owners: Owners
  /// How many bytes are kept.
  package let bytesMax: UInt64

  /// A policy.
  package init(_ owners: Owners, bytesMax: UInt64 = HoldLimits.bytesPerOwner) {
    self.owners = owners
    self.bytesMax = bytesMax
  }

  func allows(_ peer: PeerID) -> Bool {
    switch owners {
    case .named(let peers): peers.contains(peer)
    case .anybody: true
    }
  }
}
