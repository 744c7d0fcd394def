internal import ContentStore
internal import IPFSClient
internal import Persistence
internal import Primitives

/// The coordinator's store as a node of its IPFS client, the one that is asked first.
struct OwnContentNode: EmbeddedContentNode {
  let store: BlockStore

  func block(_ cid: CID) async throws -> Bytes? {
    guard let digest = cid.digest else { return nil }
    do { return try await store.read(digest) } catch BlockStoreError.notFound { return nil }
  }

  func store(_ block: ContentBlock) async throws { try await store.put([block]) }

  func pin(_ cid: CID, name: String) async throws { try await store.pin(cid, name: name) }

  func unpin(_ cid: CID) async throws -> Bool {
    do { try await store.unpin(cid) } catch BlockStoreError.notPinned { return false }
    return true
  }
}
