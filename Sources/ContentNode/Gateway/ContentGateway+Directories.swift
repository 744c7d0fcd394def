internal import ContentStore
internal import Networking
internal import Primitives

/// Directories: their own page, or a list of what they hold.
extension ContentGateway {
  private static let index = "index.html"

  /// A directory under a path that ends with a slash; another is led there first, so that the
  /// links of its page lead below it.
  func directory(of content: GatewayContent) async throws -> GatewayResponse {
    guard content.asked.negotiation.format == nil else {
      throw GatewayError.notAcceptable("a directory is not JSON; ask for format=car or tar")
    }
    guard content.asked.endsWithSlash else {
      return .redirect(.movedPermanently, to: content.asked.withSlash)
    }
    let search = BlockReading(
      UnixFSLookup(root: content.cid, name: Bytes(Self.index.utf8)), from: content.blocks)
    while try await search.next() != nil {}
    if let entry = search.state.entry, try await isFile(entry.cid, in: content.blocks) {
      return try await file(entry.cid, of: content, named: Self.index)
    }
    return try await listing(of: content)
  }

  private func isFile(_ cid: CID, in blocks: GatewayBlocks) async throws -> Bool {
    guard cid.codec == .dagPB else { return cid.codec == .raw }
    switch try await kind(of: cid, in: blocks) {
    case .file, .raw: return true
    case .directory, .hamtShard, .symlink, .metadata, nil: return false
    }
  }

  /// Sizes are those of whole DAGs, which the directory itself says: nothing below it is read.
  private func listing(of content: GatewayContent) async throws -> GatewayResponse {
    let tag = EntityTag(text: "DirIndex-\(ContentPage.version)_CID-\(content.cid)")
    if let unchanged = content.unchanged(tag, isPage: true) { return unchanged }
    let headers = ContentPage.headers(of: content, tag)
    if content.asked.isHeadOnly { return GatewayResponse(headers: headers, body: .stream { _ in }) }
    let reading = BlockReading(UnixFSDirectoryWalk(root: content.cid), from: content.blocks)
    var entries: [UnixFSEntry] = []
    let countMax = settings.listedEntriesMax
    while entries.count <= countMax, let more = try await reading.next() { entries += more }
    let page = try await blocks.pool.run { [entries] in
      let sorted = entries.sorted { $0.name.lexicographicallyPrecedes($1.name) }
      return ContentPage.directory(
        Array(sorted.prefix(countMax)), content, isCut: sorted.count > countMax)
    }
    return GatewayResponse(headers: headers, body: .bytes(Bytes(page.utf8)))
  }
}
