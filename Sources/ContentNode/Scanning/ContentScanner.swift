public import ContentStore
public import Primitives

/// Something that is asked whether bytes are harmful.
public protocol ContentScanner: Sendable {
  /// Scans a stream; blocks the calling thread.
  ///
  /// - Parameter next: the next bytes, nil at the end.
  /// - Returns: `clean`, `infected` or `failed`; what `next` throws is passed on.
  func scanBlocking(_ next: () throws -> Bytes?) throws -> VirusScan
}
