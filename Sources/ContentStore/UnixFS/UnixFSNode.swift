public import Primitives

/// A dag-pb node that holds UnixFS data.
public struct UnixFSNode: Equatable, Sendable {
  /// The links of the node.
  public let links: [DagPBLink]
  /// What the links mean.
  public let data: UnixFSData

  /// Reads the block of a dag-pb CID, which errors name.
  public init(decoding block: Bytes, of cid: CID) throws(ContentError) {
    let node = try DagPBNode(decoding: block, of: cid)
    guard let encoded = node.data else { throw .notAFile(cid, found: Self.plainDescription) }
    do { data = try UnixFSData(decoding: encoded) } catch { throw .malformedBlock(cid, error) }
    links = node.links
  }

  /// Reads a node whose data must be UnixFS.
  init(_ node: DagPBNode) throws(DecodingFailure) {
    guard let encoded = node.data else { throw .missingField("Data of a UnixFS node") }
    data = try UnixFSData(decoding: encoded)
    links = node.links
  }

  static let plainDescription = "a dag-pb node without UnixFS data"

  /// The entries of an unsharded directory, in the order of its block.
  func entries(of cid: CID) throws(ContentError) -> [UnixFSEntry] {
    var names: Set<Bytes> = []
    var entries: [UnixFSEntry] = []
    entries.reserveCapacity(links.count)
    for link in links {
      guard names.insert(link.name).inserted else {
        throw .duplicateName(String(decoding: link.name, as: UTF8.self))
      }
      entries.append(UnixFSEntry(name: link.name, cid: link.cid, tsize: link.tsize))
    }
    return entries
  }
}

extension UnixFSData.Kind {
  /// What an error calls it.
  var phrase: String {
    switch self {
    case .raw, .file: "a file"
    case .directory, .hamtShard: "a directory"
    case .metadata: "UnixFS metadata"
    case .symlink: "a symbolic link"
    }
  }
}

extension CID.Codec {
  /// What an error calls a block of it that is no dag-pb node.
  var phrase: String {
    switch self {
    case .raw: "a file"
    case .dagPB: "a dag-pb node"
    case .libp2pKey: "a libp2p key"
    case .dagCBOR, .dagJSON, .cbor, .json: "a \(name) value"
    }
  }
}
