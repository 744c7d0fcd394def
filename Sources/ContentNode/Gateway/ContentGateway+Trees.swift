internal import ContentStore
internal import Networking
internal import Primitives

/// Trees of files as tape archives (IPIP-0288).
extension ContentGateway {
  /// The files below a path (`format=tar`), under the path's last name or the CID.
  ///
  /// Names that lead out of their directory end it: before the first byte where the root has them,
  /// else by breaking off.
  func tree(of content: GatewayContent) async throws -> GatewayResponse {
    try Self.checkIsWhole(content)
    let cid = content.cid
    guard try await isFileOrDirectory(content) else {
      throw GatewayError.notAcceptable("only files and directories have a tar")
    }
    let tag = EntityTag(text: "\(cid).x-tar", isWeak: true)
    if let unchanged = content.unchanged(tag) { return unchanged }
    let name = content.name ?? "\(cid)"
    try Self.checkName(name)
    let reading = BlockReading(TreeStepsWalk(cid), from: content.blocks)
    let first = try await reading.next() ?? []
    let headers = content.headers(
      tag, type: GatewayFormat.tar.mediaType,
      disposition: ContentDisposition.attachment(content.asked.filename ?? "\(name).tar"))
    return GatewayResponse(
      headers: headers,
      body: .stream { writer in
        var tape = TreeTape(root: Bytes(name.utf8))
        try await tape.write(first, to: writer)
        while let steps = try await reading.next(upTo: GatewayLimits.gatheredByteCount) {
          for step in steps { try await tape.write(step, to: writer) }
        }
        try await writer.write(TarWriter.end)
      })
  }

  private func isFileOrDirectory(_ content: GatewayContent) async throws -> Bool {
    guard content.cid.codec == .dagPB else { return content.cid.codec == .raw }
    return try await kind(of: content.cid, in: content.blocks) != nil
  }

  private static func checkName(_ name: String) throws {
    do { try UnixFSName.check(Bytes(name.utf8)) } catch {
      throw GatewayError.malformed("the path's last name is none of a file")
    }
  }
}

/// The steps of a walk over a tree on their way into a tape archive.
private struct TreeTape {
  let root: Bytes
  private var fileByteCount: UInt64 = 0

  init(root: Bytes) { self.root = root }

  mutating func write(_ steps: [UnixFSTreeWalk.Step], to writer: GatewayWriter) async throws {
    for step in steps {
      switch step {
      case .directory(let path, let attributes):
        try await writer.write(header(path, .directory, attributes))
      case .file(let path, let size, let attributes):
        fileByteCount = size
        try await writer.write(header(path, .file(size: size), attributes))
      case .bytes(let bytes): try await writer.write(bytes)
      case .endOfFile: try await writer.write(TarWriter.padding(after: fileByteCount))
      case .symlink(let path, let target):
        try await writer.write(header(path, .symlink(target: target), .init()))
      }
    }
  }

  private func header(
    _ path: [Bytes], _ kind: TarWriter.Kind, _ attributes: UnixFSTreeWalk.Attributes
  ) -> Bytes {
    let name = Bytes(([root] + path).joined(separator: [UInt8(ascii: "/")]))
    return TarWriter.header(
      of: name, kind, mode: attributes.mode,
      modificationTime: attributes.modificationTime?.seconds)
  }
}
