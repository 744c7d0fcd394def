/// Somebody's search for blocks that belong together, as the asking side of bitswap names it.
public struct BitswapSessionID: Hashable, Comparable, Sendable {
  /// The number.
  public let number: UInt32

  /// Names a session.
  public init(_ number: UInt32) { self.number = number }

  /// Orders by number.
  public static func < (left: BitswapSessionID, right: BitswapSessionID) -> Bool {
    left.number < right.number
  }
}

/// What happens to the asking side of bitswap.
public enum BitswapClientEvent: Sendable {
  /// A peer that speaks bitswap is connected.
  case connected(BitswapPeer)
  /// A peer is gone.
  case disconnected(BitswapPeer)
  /// A session begins; these peers probably have what it will want.
  case begin(BitswapSessionID, peers: [BitswapPeer])
  /// A session wants blocks, the most urgent first; those it wants already stay as they are.
  case want(BitswapSessionID, [CID])
  /// More peers that probably have what the session wants.
  case suggest(BitswapSessionID, [BitswapPeer])
  /// The search for peers has ended; who was found was suggested before.
  case searchEnded(BitswapSessionID)
  /// A session wants nothing more.
  case end(BitswapSessionID)
  /// A peer sent blocks, named by their bytes, and answers.
  case received([ContentBlock], [BitswapMessage.Presence], from: BitswapPeer)
  /// Time has passed.
  case tick
}

/// What the asking side of bitswap asks for.
public enum BitswapClientEffect: Equatable, Sendable {
  /// Send wants and cancels.
  case send([BitswapMessage.Want], to: BitswapPeer)
  /// A session's block has come; the CID is the one that the session asked for.
  case deliver(ContentBlock, to: BitswapSessionID)
  /// Look for peers that provide the block, and suggest them.
  case search(CID, for: BitswapSessionID)
  /// Nobody at hand has the block, and a search found nobody else.
  case unavailable(CID, for: BitswapSessionID)
  /// A peer did what no honest one does; it is asked no more.
  case misconduct(BitswapMisconduct, of: BitswapPeer)
}

/// What no honest peer does.
public enum BitswapMisconduct: Equatable, Sendable {
  /// It sent a block that nobody asked it for: other bytes than those it was asked for, or more.
  case unaskedBlock
}

/// What bitswap has cost and brought.
public struct BitswapClientCounts: Equatable, Sendable {
  /// Blocks that were wanted when they came.
  public internal(set) var blocks = 0
  /// Their bytes.
  public internal(set) var bytes: UInt64 = 0
  /// Blocks that came again, or after nobody wanted them any more.
  public internal(set) var duplicates = 0
  /// Blocks that nobody had asked for.
  public internal(set) var unasked = 0
  /// Times that a peer was asked and nothing came for a while.
  public internal(set) var silences = 0
}
