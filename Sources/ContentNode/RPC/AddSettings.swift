import ContentStore
import Persistence
import Primitives

/// What `add` was asked for.
struct AddSettings: Sendable {
  let layout: UnixFSLayout
  let directoryLayout: UnixFSDirectoryLayout
  let isStored: Bool
  let isPinned: Bool
  let pinName: String
  let isWrapped: Bool
  let showsProgress: Bool
  let isSilent: Bool

  /// The default of `--inline-limit`.
  private static let inlineByteCountUsual: Int64 = 32
  private static let sizeChunker = "size-"

  /// Reads the options; one that this node cannot follow is refused, since the CID would be another.
  init(_ call: KuboCall) throws {
    try Self.refuseUnsupported(call)
    var settings = UnixFSSettings()
    settings.profile = .v0In2015
    settings.cidVersion = try Self.version(call)
    if call.text("raw-leaves") != nil { settings.hasRawLeaves = try call.flag("raw-leaves") }
    settings.chunkByteCount = try Self.chunkByteCount(call)
    if try call.flag("inline") {
      let limit = try call.integer("inline-limit") ?? Self.inlineByteCountUsual
      settings.inlineByteCountMax = Int(clamping: limit)
    }
    let layout = try settings.fileLayout()
    let width = try call.integer("max-file-links") ?? 0
    self.layout =
      width == 0
      ? layout
      : try UnixFSLayout(
        chunkByteCount: layout.chunkByteCount, linksPerNodeMax: Int(clamping: width),
        hasRawLeaves: layout.hasRawLeaves, cidVersion: layout.cidVersion
      ).inlining(upTo: layout.inlineByteCountMax)
    directoryLayout = settings.directoryLayout
    isStored = try !call.flag("only-hash", short: "n")
    isPinned = try call.flag("pin", default: true)
    pinName = call.text("pin-name") ?? ""
    isWrapped = try call.flag("wrap-with-directory", short: "w")
    showsProgress = try call.flag("progress", short: "p")
    isSilent = try call.flag("silent")
    guard pinName.utf8.count <= ContentPinLimits.nameByteCountMax else {
      throw BlockStoreError.pinNameTooLong(
        size: pinName.utf8.count, limit: ContentPinLimits.nameByteCountMax)
    }
  }

  private static func refuseUnsupported(_ call: KuboCall) throws(KuboError) {
    try call.refuse("trickle", hint: "files are laid out as balanced trees")
    try call.refuse("nocopy", hint: "blocks are always copied into the store")
    try call.refuse("preserve-mode", hint: "modes are not written")
    try call.refuse("preserve-mtime", hint: "times are not written")
    for name in ["mode", "mtime", "mtime-nsecs"] {
      try call.refuse(name, unless: ["", "0"], hint: "modes and times are not written")
    }
    try call.refuse("to-files", unless: [""], hint: "there is no mutable file system")
    try call.refuse("hash", unless: ["sha2-256", ""], hint: "files are named with sha2-256")
    try call.refuse("max-hamt-fanout", unless: ["0", "256"], hint: "shards have 256 slots")
    try call.refuse(
      "max-directory-links", unless: ["0"], hint: "directories are sharded by their size")
  }

  private static func version(_ call: KuboCall) throws -> CID.Version? {
    guard let number = try call.integer("cid-version") else { return nil }
    guard let version = UInt64(exactly: number).flatMap(CID.Version.init) else {
      throw KuboError.unsupportedOption(
        name: "cid-version", value: "\(number)", hint: "CIDs have version 0 or 1")
    }
    return version
  }

  private static func chunkByteCount(_ call: KuboCall) throws -> Int? {
    guard let chunker = call.text("chunker", "s"), !chunker.isEmpty, chunker != "default" else {
      return nil
    }
    guard chunker.hasPrefix(sizeChunker), let size = Int(chunker.dropFirst(sizeChunker.count))
    else {
      throw KuboError.unsupportedOption(
        name: "chunker", value: chunker, hint: "use size-N with N bytes")
    }
    return size
  }
}
