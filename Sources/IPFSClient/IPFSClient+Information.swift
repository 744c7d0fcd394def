public import ContentStore
internal import Primitives

/// What a CID names.
public struct ContentInformation: Equatable, Sendable {
  /// The CID.
  public let cid: CID
  /// `file`, `directory`, `symlink` or the name of a codec.
  public let kind: String
  /// The bytes of a file; nil for everything else.
  public let size: UInt64?
}

extension IPFSClient {
  /// What a CID names and how large it is, from its first block. Kept for the configuration's
  /// `metadataFor`, shared through Redis where there is one: figures for people, by which nothing
  /// is checked.
  public func information(about cid: CID) async throws(IPFSClientError) -> ContentInformation {
    let now = clock.now()
    if let known = await facts.information(about: cid, at: now) { return known }
    let block: ContentBlock
    do { block = try await verifiedBlock(cid) } catch { throw Self.clientError(error) }
    let information = Self.information(in: block)
    await facts.note(information, at: clock.now())
    return information
  }

  private static func information(in block: ContentBlock) -> ContentInformation {
    func found(_ kind: String, _ size: UInt64? = nil) -> ContentInformation {
      ContentInformation(cid: block.cid, kind: kind, size: size)
    }
    switch block.cid.codec {
    case .raw: return found("file", UInt64(block.bytes.count))
    case .dagPB:
      guard let node = try? UnixFSNode(decoding: block.bytes, of: block.cid) else {
        return found(CID.Codec.dagPB.name)
      }
      switch node.data.kind {
      case .file, .raw: return found("file", node.data.fileSize ?? UInt64(node.data.data.count))
      case .directory, .hamtShard: return found("directory")
      case .symlink: return found("symlink")
      case .metadata: return found("metadata")
      }
    case .dagCBOR, .dagJSON, .cbor, .json, .libp2pKey: return found(block.cid.codec.name)
    }
  }
}
