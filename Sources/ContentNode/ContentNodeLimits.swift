/// What an embedded content node spends on others at most.
public enum ContentNodeLimits {
  /// Requests of one kind of server that are worked on at the same time; more wait for their turn.
  public static let requestsMax = 256
}
