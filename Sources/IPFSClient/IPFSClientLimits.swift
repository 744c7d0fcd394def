/// What a client of IPFS nodes accepts at most.
public enum IPFSClientLimits {
  /// Nodes that one client may be configured with.
  public static let nodesMax = 64
}
