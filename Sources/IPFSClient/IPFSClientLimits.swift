/// What a client of IPFS nodes accepts at most.
public enum IPFSClientLimits {
  /// Nodes that one client may be configured with.
  public static let nodesMax = 64
  /// Operations that wait for their turn; more are refused rather than kept.
  static let waitingMax = 1_000
  /// Facts about content that are kept for a while: some hundred bytes each.
  static let factsMax = 10_000
  /// An answer of Kubo's RPC that is not content: a version, an error, a list of roots.
  static let answerBytesMax = 1 << 20
  /// Blocks of a file that are asked for at the same time.
  static let blocksAhead = 4
  /// What is left of a file below this is read block by block, hedged; more as one stream.
  static let streamBytesMin: UInt64 = 2 << 20
  /// A probe answers within this or counts as failed.
  static let probeTimeout = Duration.seconds(10)
  /// How long "nobody has it" holds, so that a page of missing pictures is not asked for twice.
  static let missingFor = Duration.seconds(10)
}
