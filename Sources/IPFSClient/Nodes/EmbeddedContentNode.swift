public import ContentStore
internal import Networking
public import Primitives

/// A node in this process: the block store, or what stands for it.
public protocol EmbeddedContentNode: Sendable {
  /// Returns a block that is stored here, nil where it is not.
  func block(_ cid: CID) async throws -> Bytes?
  /// Stores a block, whose name was checked.
  func store(_ block: ContentBlock) async throws
  /// Pins what is below a CID.
  func pin(_ cid: CID, name: String) async throws
  /// Removes the pin of a CID; false where there is none.
  func unpin(_ cid: CID) async throws -> Bool
}

/// An embedded node as the client asks it.
struct EmbeddedConnection: NodeConnection {
  let node: any EmbeddedContentNode
  /// Reads the files that are stored.
  let pool: ComputePool

  func block(_ cid: CID) async throws(NodeFault) -> Bytes {
    let block: Bytes?
    do { block = try await node.block(cid) } catch { throw Self.fault(error) }
    guard let block else { throw .missing }
    return block
  }

  func archive(
    _ cid: CID, from offset: UInt64, into sink: @escaping @Sendable (Bytes) throws -> Void
  ) async throws {
    preconditionFailure("an embedded node gives single blocks")
  }

  func probe() async throws(NodeFault) -> String? { nil }

  func store(_ upload: Upload, isPinned: Bool) async throws {
    let blocks = try await pool.run { try UploadBlocks(upload) }
    while let batch = try await pool.run({ try blocks.next() }) {
      for block in batch {
        do { try await node.store(block) } catch { throw Self.fault(error) }
      }
    }
    if isPinned { try await pin(upload.root, name: "") }
  }

  func pin(_ cid: CID, name: String) async throws(NodeFault) {
    do { try await node.pin(cid, name: name) } catch { throw Self.fault(error) }
  }

  func unpin(_ cid: CID) async throws(NodeFault) {
    let wasPinned: Bool
    do { wasPinned = try await node.unpin(cid) } catch { throw Self.fault(error) }
    guard wasPinned else { throw .missing }
  }

  private static func fault(_ error: any Error) -> NodeFault {
    error is CancellationError ? .cancelled : .broken("\(error)")
  }
}
