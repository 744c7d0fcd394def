import ContentStore
import Primitives
import Testing

/// An archive of ipfs/gateway-conformance (MIT/Apache-2.0), read by our reader.
struct GatewayFixture: Sendable, CustomTestStringConvertible {
  let name: String

  var testDescription: String { name }

  static let all = [
    "dir_listing-fixtures", "gateway-cache-fixtures", "gateway-raw-block",
    "path_gateway_dag-dag-cbor-traversal", "path_gateway_dag-dag-json-traversal",
    "path_gateway_dag-dag-pb", "path_gateway_dag-gateway-json-cbor",
    "path_gateway_dag-plain-cbor", "path_gateway_dag-plain-cbor-that-can-be-dag-cbor",
    "path_gateway_dag-plain-cbor-that-can-be-dag-json", "path_gateway_dag-plain-json",
    "path_gateway_tar-fixtures", "path_gateway_tar-inside-root", "path_gateway_tar-outside-root",
    "path_gateway_unixfs-dir-with-files",
    "path_gateway_unixfs-dir-with-percent-encoded-filename", "path_gateway_unixfs-symlink",
    "redirects_file-redirects", "redirects_file-redirects-spa", "subdomain_gateway-fixtures",
    "trustless_gateway_car-dir-with-dag-cbor-with-links",
    "trustless_gateway_car-dir-with-duplicate-files", missing,
    "trustless_gateway_car-single-layer-hamt-with-multi-block-files", mixed,
    "trustless_gateway_car-subdir-with-two-single-block-files",
  ].map { GatewayFixture(name: $0) }

  /// The one archive that lacks a block of its DAG.
  static let missing = "trustless_gateway_car-file-3k-and-3-blocks-missing-block"
  static let mixed = "trustless_gateway_car-subdir-with-mixed-block-files"

  var bytes: Bytes { TestFile.bytes("Vectors/gateway-conformance/\(name).car") }

  struct Content {
    var root: CID
    var blocks: [ContentBlock]
    var source = MemorySource()
  }

  func content() throws -> Content {
    var reader = CARReader(byteCountMax: 1 << 20)
    var events: [CARReader.Event] = []
    try reader.append(bytes, into: &events)
    try reader.finish()
    guard case .header(let header)? = events.first, header.roots.count == 1 else {
      throw ContentError.malformedArchive(.missingField("one root"))
    }
    var content = Content(root: header.roots[0], blocks: [])
    for case .block(let block) in events { content.blocks.append(block) }
    content.source.add(content.blocks)
    return content
  }
}

extension DagExport {
  /// Runs an export to its end and returns the blocks of the archive.
  static func blocks(of request: Request, from source: MemorySource) throws -> [ContentBlock] {
    var export = try DagExport(request)
    var blocks: [ContentBlock] = []
    while let cid = export.wanted {
      let bytes = try source.block(cid)
      if try export.supply(bytes) { blocks.append(try ContentBlock(verifying: bytes, as: cid)) }
    }
    return blocks
  }
}
