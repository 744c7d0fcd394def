internal import ContentStore
internal import Networking
internal import Primitives

extension ContentGateway {
  /// The answer to what a request asks for.
  func respond(to asked: GatewayRequest) async throws -> GatewayResponse {
    if let location = asked.canonicalName { return .redirect(.found, to: location) }
    if settings.isTrustlessOnly { try Self.checkTrustless(asked) }
    if asked.negotiation.format == .ipnsRecord { return try await nameRecord(asked) }
    do {
      let content = try await resolve(asked)
      switch asked.negotiation.format {
      case .raw: return try await block(of: content)
      case .car: return try await archive(of: content)
      case .tar: return try await tree(of: content)
      case .dagJSON, .dagCBOR, .json, .cbor, .ipnsRecord, nil: return try await value(of: content)
      }
    } catch ContentError.missingBlock(let cid) where asked.isOnlyIfCached {
      throw GatewayError.notStored(cid)
    }
  }

  /// In strict mode nothing is given that the client must believe.
  private static func checkTrustless(_ asked: GatewayRequest) throws(GatewayError) {
    guard let format = asked.negotiation.format else {
      throw .malformed("this gateway gives only verifiable formats: raw, car and ipns-record")
    }
    guard format.isTrustless else { throw .notAcceptable("\(format.rawValue) is not verifiable") }
    guard format != .raw || asked.segments.isEmpty else {
      throw .malformed("a raw block is asked for by its own CID")
    }
  }

  // MARK: - Paths

  private func resolve(_ asked: GatewayRequest) async throws -> GatewayContent {
    let (path, lifetime) = try await path(of: asked)
    let blocks = asked.isOnlyIfCached ? blocks.storedOnly : blocks
    try blocks.checkAllowed(path.root)
    let reading = BlockReading(PathResolution(path), from: blocks)
    while try await reading.next() != nil {}
    let resolution = reading.state
    guard let resolved = resolution.resolved else { throw ContentError.missingBlock(path.root) }
    for cid in resolution.roots { try blocks.checkAllowed(cid) }
    return GatewayContent(
      asked: asked, path: path, roots: resolution.roots, cid: resolved.cid,
      remainder: resolved.remainder, lifetime: lifetime, blocks: blocks)
  }

  private func path(
    of asked: GatewayRequest
  ) async throws -> (path: ContentPath, lifetime: GatewayContent.Lifetime) {
    switch asked.root {
    case .content(let cid):
      return (ContentPath(root: cid, segments: asked.segments), .immutable)
    case .name(let name):
      guard let target = try await records?.resolve(name) else { throw Self.unknown(name) }
      let segments = target.path.segments + asked.segments
      return (
        ContentPath(root: target.path.root, segments: segments), .mutable(target.timeToLive)
      )
    }
  }

  // MARK: - Names

  private static func unknown(_ name: CID) -> GatewayError {
    .notFound("no record of the name \(name.text(in: .base36)) is known")
  }

  /// The record of a name, which the client verifies (`format=ipns-record`).
  private func nameRecord(_ asked: GatewayRequest) async throws -> GatewayResponse {
    guard case .name(let name) = asked.root, asked.segments.isEmpty else {
      throw GatewayError.malformed("only a name has a record")
    }
    guard let record = try await records?.record(of: name) else { throw Self.unknown(name) }
    let content = GatewayContent(
      asked: asked, path: ContentPath(root: name), roots: [name], cid: name, remainder: [],
      lifetime: .mutable(record.timeToLive), blocks: blocks)
    let digest = Multihash.hashing(record.bytes)
    let tag = EntityTag(text: "\(CID.v1(.raw, digest)).ipns-record")
    let filename = asked.filename ?? "\(name.text(in: .base36)).ipns-record"
    return try content.response(
      record.bytes, tag, type: GatewayFormat.ipnsRecord.mediaType,
      disposition: ContentDisposition.attachment(filename))
  }
}
