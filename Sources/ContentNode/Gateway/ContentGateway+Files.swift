internal import ContentStore
internal import Networking
internal import Primitives

/// Files, directories and symbolic links, deserialised.
extension ContentGateway {
  /// The file, directory or link that a path leads to.
  func file(of content: GatewayContent) async throws -> GatewayResponse {
    let cid = content.cid
    guard cid.codec == .dagPB else { return try await file(cid, of: content, named: content.name) }
    switch try await kind(of: cid, in: content.blocks) {
    case .file, .raw: return try await file(cid, of: content, named: content.name)
    case .directory, .hamtShard: return try await directory(of: content)
    case .symlink: return try await link(of: content)
    case .metadata, nil:
      throw GatewayError.notAcceptable("this is no file; ask for format=raw")
    }
  }

  /// What a dag-pb node is in a tree of files; nil where it has no place in one.
  func kind(of cid: CID, in blocks: GatewayBlocks) async throws -> UnixFSData.Kind? {
    try await BlockReading(NodeKindWalk(cid), from: blocks).next() ?? nil
  }

  /// A link is given as what it points to: it is not followed, for it may lead out of its root.
  private func link(of content: GatewayContent) async throws -> GatewayResponse {
    let block = try await content.blocks.block(content.cid)
    let target = try UnixFSNode(decoding: block, of: content.cid).data.data
    return try content.response(
      target, EntityTag(text: "\(content.cid)"), type: "inode/symlink",
      disposition: Self.disposition(content, name: content.name))
  }

  /// The bytes of a file; the path's end names the response.
  func file(
    _ cid: CID, of content: GatewayContent, named name: String?
  ) async throws -> GatewayResponse {
    let tag = EntityTag(
      text: content.asked.negotiation.format == nil
        ? "\(content.cid)" : "\(content.cid).json")
    if let unchanged = content.unchanged(tag) { return unchanged }
    var start = try await FileStart(of: cid, in: content.blocks)
    guard let size = Int(exactly: start.size), start.size <= GatewayLimits.fileByteCountMax else {
      throw ContentError.tooLarge(cid, limit: GatewayLimits.fileByteCountMax)
    }
    let range = try content.range(of: start.size, tag)
    let mediaType = try await mediaType(of: &start, content, named: name, isPart: range != nil)
    var headers = content.headers(
      tag, type: mediaType, disposition: Self.disposition(content, name: name))
    headers.append("Accept-Ranges", "bytes")
    guard let range else {
      return GatewayResponse(
        headers: headers, body: .stream(length: size) { [start] in try await start.write(to: $0) })
    }
    headers.append("Content-Range", GatewayContent.contentRange(range, of: start.size))
    let bytes = EntityBytes(
      first: Int64(range.lowerBound), last: Int64(range.upperBound - 1))
    let part = BlockReading(UnixFSWalk(root: cid, bytes: bytes), from: content.blocks)
    return GatewayResponse(
      status: .partialContent, headers: headers,
      body: .stream(length: range.count) { writer in
        while let piece = try await part.next() { try await writer.write(piece) }
      })
  }

  private static func disposition(_ content: GatewayContent, name: String?) -> String? {
    let asked = content.asked
    if asked.isDownload {
      return ContentDisposition.attachment(asked.filename ?? name ?? "\(content.cid)")
    }
    return asked.filename.map(ContentDisposition.inline)
  }

  /// By the name's ending, else by the first bytes. A part of a file is not worth fetching its
  /// beginning for.
  private func mediaType(
    of start: inout FileStart, _ content: GatewayContent, named name: String?, isPart: Bool
  ) async throws -> String {
    let wantsJSON = content.asked.negotiation.format == .json
    if let name = content.asked.filename ?? name, let known = MediaType.byEnding(of: name) {
      guard wantsJSON, known != MediaType.json else { return known }
    } else {
      if isPart {
        var stored = start.storedOnly
        guard (try? await stored.readBeginning()) != nil else { return MediaType.unknown }
        start = stored
      } else {
        try await start.readBeginning()
      }
      let found = MediaType.sniffing(start.beginning, isWhole: start.isWhole)
      if !wantsJSON || found == MediaType.json { return found }
    }
    throw GatewayError.notAcceptable("this is not JSON")
  }
}

/// A file whose root was read, and as much more as was looked at.
struct FileStart: Sendable {
  /// The bytes of the file.
  let size: UInt64
  private let cid: CID
  private let blocks: GatewayBlocks
  private let reading: BlockReading<UnixFSWalk>
  private(set) var beginning: Bytes

  init(of cid: CID, in blocks: GatewayBlocks) async throws {
    self.cid = cid
    self.blocks = blocks
    reading = BlockReading(UnixFSWalk(root: cid), from: blocks)
    beginning = try await reading.next() ?? []
    size = reading.state.fileSize ?? UInt64(beginning.count)
  }

  private init(_ start: FileStart, from blocks: GatewayBlocks) {
    (cid, size, beginning) = (start.cid, start.size, start.beginning)
    self.blocks = blocks
    reading = BlockReading(start.reading.state, from: blocks)
  }

  /// The same with nothing fetched.
  var storedOnly: FileStart { FileStart(self, from: blocks.storedOnly) }

  /// Whether the beginning is the whole file.
  var isWhole: Bool { UInt64(beginning.count) == size }

  /// Reads on until there is something to look at.
  mutating func readBeginning() async throws {
    while beginning.isEmpty, let piece = try await reading.next() { beginning = piece }
  }

  /// Writes the whole file.
  func write(to writer: GatewayWriter) async throws {
    try await writer.write(beginning)
    while let piece = try await reading.next() { try await writer.write(piece) }
  }
}
