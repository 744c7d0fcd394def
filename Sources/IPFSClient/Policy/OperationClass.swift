/// Operations that fail together: a node that refuses writes may still answer reads, so each class
/// has a circuit breaker of its own.
public enum OperationClass: String, Sendable, CaseIterable {
  /// One block.
  case read
  /// A stream of blocks (CAR).
  case stream
  /// Content for a node to keep.
  case write
  /// Pins, set and removed.
  case pin
}
