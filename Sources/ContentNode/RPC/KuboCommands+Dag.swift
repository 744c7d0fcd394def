import ContentStore
import Persistence
import Primitives
import Telemetry

/// `dag/…`: values and what they link to.
extension KuboCommands {
  static let dags: [KuboCommand] = [
    KuboCommand(
      "dag/put", file: "object data",
      options: ["store-codec", "input-codec", "pin", "hash", "allow-big-block"]
    ) { call in .objects(try DagPutStream(call)) },
    KuboCommand("dag/get", ["ref"], options: ["output-codec"], get),
    KuboCommand("dag/resolve", ["ref"]) { call in
      let resolved = try await call.node.resolve(call.arguments[0])
      return .object([
        "Cid": try call.link(resolved.cid),
        "RemPath": .string(resolved.remainder.joined(separator: "/")),
      ])
    },
    KuboCommand("dag/export", ["root"], options: ["progress"]) { call in
      let root = try await call.node.resolveBlock(call.arguments[0])
      return .bytes(
        PieceWalkRun(try CARWalk(root), on: call.node), type: "application/vnd.ipld.car")
    },
    KuboCommand(
      "dag/import", file: "path",
      options: ["pin-roots", "silent", "stats", "allow-big-block", "fast-provide-root"]
    ) { call in .objects(try DagImportStream(call)) },
    KuboCommand("dag/stat", ["root"], more: true, options: ["progress"], stat),
  ]

  @Sendable private static func get(_ call: KuboCall) async throws -> KuboReply {
    let resolved = try await call.node.resolve(call.arguments[0])
    let codec = try DagCodec(name: call.text("output-codec") ?? "", of: "output-codec") ?? .dagJSON
    let value: IPLDValue
    if let member = resolved.value {
      value = member
    } else {
      let block = try await call.node.block(resolved.cid)
      value = try IPLDValue(decoding: block, of: resolved.cid) ?? .bytes(block)
    }
    let bytes = try codec.encode(value)
    return .bytes(KuboList(bytes), type: codec.mediaType)
  }

  @Sendable private static func stat(_ call: KuboCall) async throws -> KuboReply {
    var roots: [CID] = []
    for path in call.arguments { roots.append(try await call.node.resolveBlock(path)) }
    let walk = try await call.node.complete(DagStatWalk(roots))
    let redundant = walk.trees.reduce(0) { $0 + $1.byteCount }
    // Kubo's ratio of what the trees would take apart to what they take together.
    let ratio = walk.byteCount == 0 ? 1 : Double(redundant) / Double(walk.byteCount)
    let object: JSONValue = [
      "UniqueBlocks": JSONValue(walk.uniqueCount), "TotalSize": JSONValue(walk.byteCount),
      "SharedSize": JSONValue(redundant - walk.byteCount), "Ratio": KuboJSON.number(ratio),
      "DagStats": .array(
        try walk.trees.map { tree in
          [
            "Cid": .string(try call.text(of: tree.root)), "Size": JSONValue(tree.byteCount),
            "NumBlocks": JSONValue(tree.blockCount),
          ]
        }),
    ]
    return .objects(KuboList([object]))
  }
}

/// The codecs that values are read from and written in.
enum DagCodec: String, CaseIterable {
  case dagJSON = "dag-json"
  case dagCBOR = "dag-cbor"
  case dagPB = "dag-pb"
  case raw = "raw"

  /// The codec of a name; nil where the option is empty.
  init?(name: String, of option: String) throws(KuboError) {
    guard !name.isEmpty else { return nil }
    guard let codec = DagCodec(rawValue: name.lowercased()) else {
      let known = Self.allCases.map(\.rawValue).joined(separator: ", ")
      throw .unsupportedOption(name: option, value: name, hint: "known codecs are \(known)")
    }
    self = codec
  }

  var codec: CID.Codec {
    switch self {
    case .dagJSON: .dagJSON
    case .dagCBOR: .dagCBOR
    case .dagPB: .dagPB
    case .raw: .raw
    }
  }

  /// The media type of Kubo's gateway; JSON clients look for `json` in it.
  var mediaType: String {
    switch self {
    case .dagJSON: "application/vnd.ipld.dag-json"
    case .dagCBOR: "application/vnd.ipld.dag-cbor"
    case .dagPB: "application/vnd.ipld.dag-pb"
    case .raw: "application/vnd.ipld.raw"
    }
  }

  func decode(_ bytes: Bytes) throws -> IPLDValue {
    switch self {
    case .dagJSON: try DagJSON.decode(bytes, .readable)
    case .dagCBOR: try DagCBOR.decode(bytes, .readable)
    case .dagPB:
      try DagPBNode(decoding: bytes, of: ContentBlock(hashing: bytes, codec: .dagPB).cid).value
    case .raw: .bytes(bytes)
    }
  }

  func encode(_ value: IPLDValue) throws -> Bytes {
    switch self {
    case .dagJSON: return try DagJSON.encode(value)
    case .dagCBOR: return try DagCBOR.encode(value)
    case .dagPB: return try DagPBNode(value).encoded()
    case .raw:
      guard case .bytes(let bytes) = value else {
        throw DecodingFailure.malformed(what: "raw value", reason: "it is \(value.kind)")
      }
      return bytes
    }
  }
}

extension DagPBNode {
  private static let what = "dag-pb value"

  /// Reads a node from its logical format (ipld.io/specs/codecs/dag-pb).
  fileprivate init(_ value: IPLDValue) throws(DecodingFailure) {
    guard case .map(let map) = value, case .list(let links)? = map["Links"] else {
      throw .malformed(what: Self.what, reason: "a map with `Links` is expected")
    }
    self.init(data: nil)
    switch map["Data"] {
    case .bytes(let bytes): data = bytes
    case nil: break
    default: throw .malformed(what: Self.what, reason: "`Data` is not bytes")
    }
    self.links = try links.map { value throws(DecodingFailure) in try Self.link(value) }
  }

  private static func link(_ value: IPLDValue) throws(DecodingFailure) -> DagPBLink {
    guard case .map(let map) = value, case .link(let cid)? = map["Hash"] else {
      throw .malformed(what: what, reason: "a link without `Hash`")
    }
    var link = DagPBLink(cid: cid, tsize: 0)
    if case .text(let name)? = map["Name"] { link.name = Bytes(name.utf8) }
    if case .integer(let size)? = map["Tsize"] { link.tsize = UInt64(clamping: size) }
    return link
  }
}

/// Stores the parts of an upload as one value each.
final class DagPutStream: KuboStream {
  private let call: KuboCall
  private let uploads: Lock<MultipartReading?>
  private let input: DagCodec
  private let output: DagCodec
  private let isPinned: Bool

  init(_ call: KuboCall) throws {
    self.call = call
    // Kubo before 0.10 called the options so.
    let old = call.text("format", "f").map { $0 == "cbor" ? "dag-cbor" : $0 }
    let oldInput = call.text("input-enc").map { $0 == "json" ? "dag-json" : $0 }
    input =
      try DagCodec(name: call.text("input-codec") ?? oldInput ?? "", of: "input-codec")
      ?? .dagJSON
    output =
      try DagCodec(name: call.text("store-codec") ?? old ?? "", of: "store-codec") ?? .dagCBOR
    try call.refuse("hash", unless: ["sha2-256", ""], hint: "values are named with sha2-256")
    isPinned = try call.flag("pin")
    uploads = Lock(try MultipartReading(call))
  }

  func next() async throws -> Bytes? {
    guard var uploads = uploads.withLock({ $0.take() }),
      let bytes = try await uploads.nextPart(byteCountMax: KuboLimits.blockByteCountMax)
    else { return nil }
    self.uploads.withLock { $0 = uploads }
    let block = try await call.node.run { [input, output] _ in
      ContentBlock(hashing: try output.encode(input.decode(bytes)), codec: output.codec)
    }
    guard block.bytes.count <= KuboLimits.blockByteCountMax else {
      throw KuboError.blockTooLarge(limit: KuboLimits.blockByteCountMax)
    }
    try await call.node.store.put([block])
    if isPinned { try await call.node.pin(block.cid, .recursive, name: "") }
    return KuboJSON.line(["Cid": try call.link(block.cid)])
  }
}
