internal import ContentStore
internal import Primitives

/// A node as the client asks it. What comes back is not verified yet.
protocol NodeConnection: Sendable {
  /// Returns the bytes said to be the block.
  func block(_ cid: CID) async throws(NodeFault) -> Bytes

  /// Hands an archive of the file's blocks from `offset` on to `sink`, piece by piece; errors of
  /// `sink` end it and come back as they are.
  func archive(
    _ cid: CID, from offset: UInt64, into sink: @escaping @Sendable (Bytes) throws -> Void
  ) async throws

  /// Asks whether it is there; returns its version where it tells one.
  func probe() async throws(NodeFault) -> String?

  /// Hands over all blocks of an upload; errors of reading it come back as they are.
  func store(_ upload: Upload, isPinned: Bool) async throws

  /// Pins what is below a CID.
  func pin(_ cid: CID, name: String) async throws(NodeFault)

  /// Removes the pin of a CID; `missing` where there is none.
  func unpin(_ cid: CID) async throws(NodeFault)
}
