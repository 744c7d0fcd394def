internal import ContentStore
internal import Networking
internal import Primitives

/// Whole DAGs, and parts of them, as archives that the client verifies.
extension ContentGateway {
  /// The blocks that a path needs and leads to (`format=car`).
  ///
  /// The path, its end and the range of bytes are looked at first, so that what is missing or
  /// impossible is an error; a block that is missing later breaks the stream off.
  func archive(of content: GatewayContent) async throws -> GatewayResponse {
    let asked = content.asked.archive
    try await checkEnd(of: content)
    let tag = Self.tag(of: content)
    if let unchanged = content.unchanged(tag) { return unchanged }
    let filename = content.asked.filename ?? "\(content.cid).car"
    var headers = content.headers(
      tag, type: asked.mediaType, disposition: ContentDisposition.attachment(filename))
    headers.append("Accept-Ranges", "none")
    let request = DagExport.Request(
      content.path, scope: asked.scope, bytes: asked.bytes, repeatsBlocks: asked.repeatsBlocks)
    let blocks = content.blocks
    return GatewayResponse(
      headers: headers,
      body: .stream { writer in
        let reading = BlockReading(try ArchiveWalk(request), from: blocks)
        var archive = CARWriter(roots: [request.path.root])
        var piece = archive.header.bytes
        while let steps = try await reading.next(upTo: GatewayLimits.gatheredByteCount) {
          for block in steps.compactMap(\.self) {
            piece += archive.sectionHeader(of: block.cid, byteCount: block.bytes.count)
            piece += block.bytes
          }
          try await writer.write(piece)
          piece.removeAll(keepingCapacity: true)
        }
        try await writer.write(piece)
      })
  }

  private func checkEnd(of content: GatewayContent) async throws {
    guard content.remainder.isEmpty else { return }
    let asked = content.asked.archive
    guard asked.scope == .entity, asked.bytes != .all else {
      _ = try await content.blocks.block(content.cid)
      return
    }
    let walk = UnixFSWalk(root: content.cid, bytes: asked.bytes)
    do {
      _ = try await BlockReading(walk, from: content.blocks).next()
    } catch ContentError.notAFile {}  // then the range means nothing
  }

  /// Everything that makes one archive of a root differ from another, in 64 bits.
  private static func tag(of content: GatewayContent) -> EntityTag {
    let asked = content.asked.archive
    let end = asked.bytes.last.map { "\($0)" } ?? "*"
    let text = """
      \(content.path)?\(asked.scope.rawValue)&\(asked.bytes.first):\(end)&\(asked.repeatsBlocks)
      """
    let digest = Multihash.hashing(Bytes(text.utf8)).digestBytes.prefix(8)
    return EntityTag(
      text: "\(content.path.root).car.\(Hex.encode(digest))", isWeak: true)
  }
}
