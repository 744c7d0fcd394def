import ContentStore
import Cryptography
import Persistence
import Primitives
import Telemetry

/// `block/…`: single blocks as they are.
extension KuboCommands {
  static let blocks: [KuboCommand] = [
    KuboCommand("block/get", ["cid"]) { call in
      let block = try await call.node.block(cid(call.arguments[0]))
      return .bytes(
        KuboList(block), type: "application/vnd.ipld.raw", length: UInt64(block.count))
    },
    KuboCommand("block/stat", ["cid"]) { call in
      let cid = try cid(call.arguments[0])
      let block = try await call.node.block(cid)
      return .object([
        "Key": .string(try call.text(of: cid)), "Size": JSONValue(block.count),
      ])
    },
    KuboCommand(
      "block/put", file: "data",
      options: ["cid-codec", "format", "mhtype", "mhlen", "pin", "allow-big-block"]
    ) { call in .objects(try BlockPutStream(call)) },
    KuboCommand("block/rm", ["cid"], more: true, options: ["force", "quiet"]) { call in
      .objects(KuboList(try await remove(call)))
    },
  ]

  /// A CID, with or without `/ipfs/` in front; a path below it names no block.
  static func cid(_ text: String) throws(ContentError) -> CID {
    let path = try ContentPath(parsing: text)
    guard path.segments.isEmpty else {
      throw .malformedPath(text, reason: "a CID is expected")
    }
    return path.root
  }

  private static func remove(_ call: KuboCall) async throws -> [JSONValue] {
    let cids = try call.arguments.map { text throws(ContentError) in try cid(text) }
    let isForced = try call.flag("force", short: "f")
    let isQuiet = try call.flag("quiet", short: "q")
    var objects: [JSONValue] = []
    for cid in cids {
      let fault = try await call.node.run { try forget(cid, in: $0, isForced: isForced) }
      if isQuiet, fault == nil { continue }
      let error: [JSONValue.Member] = fault.map { [.init("Error", .string($0))] } ?? []
      objects.append(.object([.init("Hash", .string(try call.text(of: cid)))] + error))
    }
    return objects
  }

  /// Why a block stays; nil when it is gone.
  private static func forget(
    _ cid: CID, in store: BlockStore, isForced: Bool
  ) throws -> String? {
    let missing = isForced ? nil : "ipld: could not find \(cid)"
    guard let digest = try store.digest(of: cid) else { return missing }
    do throws(BlockStoreError) {
      return try store.forgetBlocking(digest) ? nil : "in use by an add"
    } catch {
      switch error {
      case .notFound: return missing
      case .inUse: return "pinned: \(try pinnedAs(cid, in: store))"
      default: throw error
      }
    }
  }

  private static func pinnedAs(_ cid: CID, in store: BlockStore) throws -> String {
    try store.pin(of: cid)?.kind.word ?? "indirect"
  }
}

/// Stores the parts of an upload as one block each.
final class BlockPutStream: KuboStream {
  private let call: KuboCall
  private let uploads: Lock<MultipartReading?>
  private let naming: BlockNaming
  private let isPinned: Bool

  init(_ call: KuboCall) throws {
    self.call = call
    naming = try BlockNaming(call)
    isPinned = try call.flag("pin")
    uploads = Lock(try MultipartReading(call))
  }

  func next() async throws -> Bytes? {
    guard var uploads = uploads.withLock({ $0.take() }),
      let bytes = try await uploads.nextPart(byteCountMax: KuboLimits.blockByteCountMax)
    else { return nil }
    self.uploads.withLock { $0 = uploads }
    let block = try await call.node.run { [naming] _ in try naming.block(bytes) }
    try await call.node.store.put([block])
    if isPinned { try await call.node.pin(block.cid, .recursive, name: "") }
    return KuboJSON.line([
      "Key": .string(try call.text(of: block.cid)), "Size": JSONValue(bytes.count),
    ])
  }
}

/// How `block put` names a block.
struct BlockNaming: Sendable {
  /// Kubo's names of the multicodec table for the functions that it lets users choose.
  private static let functions: [String: HashFunction] = [
    "sha1": .sha1, "sha2-256": .sha256, "sha2-512": .sha512, "sha3-224": .sha3x224,
    "sha3-256": .sha3x256, "sha3-384": .sha3x384, "sha3-512": .sha3x512,
    "blake2b-256": .blake2b(byteCount: 32), "blake2b-512": .blake2b(byteCount: 64),
    "blake2s-256": .blake2s256, "dbl-sha2-256": .doubleSHA256,
  ]

  private let codec: CID.Codec
  private let version: CID.Version
  private let function: HashFunction

  init(_ call: KuboCall) throws(KuboError) {
    try call.refuse("mhlen", unless: ["-1", "32", ""], hint: "digests are not cut short")
    let name = call.text("mhtype").flatMap { $0.isEmpty ? nil : $0.lowercased() } ?? "sha2-256"
    guard let function = Self.functions[name] else {
      throw .unsupportedOption(name: "mhtype", value: name, hint: "use sha2-256")
    }
    self.function = function
    let format = call.text("format", "f") ?? ""
    switch format.isEmpty ? call.text("cid-codec") ?? "" : format {
    case "", "raw": (codec, version) = (.raw, .v1)
    case "v0": (codec, version) = (.dagPB, .v0)
    case "protobuf": (codec, version) = (.dagPB, .v1)
    case let name:
      // Old writers say `cbor` and mean the one with links.
      let codecName = !format.isEmpty && name == "cbor" ? "dag-cbor" : name
      guard let codec = CID.Codec.allCases.first(where: { $0.name == codecName }) else {
        throw .unsupportedOption(name: "cid-codec", value: name, hint: "the codec is not known")
      }
      (self.codec, version) = (codec, .v1)
    }
  }

  func block(_ bytes: Bytes) throws(ContentError) -> ContentBlock {
    guard function != .sha256 else {
      return ContentBlock(hashing: bytes, codec: codec, version: version)
    }
    return try ContentBlock(
      verifying: bytes, as: .v1(codec, .other(function, function.hash(bytes))))
  }
}
