internal import ContentStore
internal import Networking
internal import Primitives

/// Single blocks as they are.
extension ContentGateway {
  /// The block that a path leads to (`format=raw`).
  func block(of content: GatewayContent) async throws -> GatewayResponse {
    try Self.checkIsWhole(content)
    let bytes = try await content.blocks.block(content.cid)
    return try content.response(
      bytes, EntityTag(text: "\(content.cid).raw"), type: GatewayFormat.raw.mediaType,
      disposition: ContentDisposition.attachment(content.asked.filename ?? "\(content.cid).bin"))
  }

  /// What a path leads to in the form of its own codec: files of dag-pb and raw blocks, else the
  /// block. No block is converted from one codec into another (IPIP-0524).
  func value(of content: GatewayContent) async throws -> GatewayResponse {
    try Self.checkIsWhole(content)
    let (format, codec) = (content.asked.negotiation.format, content.cid.codec)
    switch codec {
    case .dagPB, .raw:
      guard format == nil || format == .json else { throw Self.conversion(content, format) }
      return try await file(of: content)
    case .dagJSON, .dagCBOR:
      if content.asked.negotiation.wantsPage { return try await valuePage(of: content) }
    case .json, .cbor: break
    case .libp2pKey: throw GatewayError.malformed("a key is not served")
    }
    guard let own = GatewayFormat(rawValue: codec.name) else {
      throw Self.conversion(content, format)
    }
    guard let given = Self.given(own, as: format) else { throw Self.conversion(content, format) }
    let isText = own == .json || own == .dagJSON
    let filename = content.asked.filename ?? "\(content.cid).\(isText ? "json" : "cbor")"
    let isInline = isText && !content.asked.isDownload
    return try content.response(
      try await content.blocks.block(content.cid),
      EntityTag(text: "\(content.cid)" + (format.map { ".\($0.rawValue)" } ?? "")),
      type: given.mediaType,
      disposition: isInline
        ? ContentDisposition.inline(filename) : ContentDisposition.attachment(filename))
  }

  /// The format in which a block of codec `own` can be given; dag-json is JSON, dag-cbor is CBOR.
  private static func given(
    _ own: GatewayFormat, as wanted: GatewayFormat?
  ) -> GatewayFormat? {
    switch (own, wanted) {
    case (_, nil): own
    case (.dagJSON, .json), (.dagCBOR, .cbor): wanted
    case (_, own): own
    default: nil
    }
  }

  private static func conversion(
    _ content: GatewayContent, _ format: GatewayFormat?
  ) -> GatewayError {
    let wanted = format?.rawValue ?? content.cid.codec.name
    return .notAcceptable(
      """
      this is \(content.cid.codec.name) and not converted to \(wanted); \
      ask for format=raw and convert it
      """)
  }

  /// A path that goes on inside a block names no content of its own.
  static func checkIsWhole(_ content: GatewayContent) throws(GatewayError) {
    guard content.remainder.isEmpty else {
      throw .remainder(content.remainder.joined(separator: "/"))
    }
  }

  // MARK: - For people

  /// The bytes of a value that its page shows.
  private static var shownBytesMax: Int { 64 << 10 }

  private func valuePage(of content: GatewayContent) async throws -> GatewayResponse {
    let tag = EntityTag(text: "DagIndex-\(ContentPage.version)_CID-\(content.cid)")
    if let unchanged = content.unchanged(tag, isPage: true) { return unchanged }
    let block = try await content.blocks.block(content.cid)
    let page = try await blocks.pool.run {
      ContentPage.value(block, content, shownBytesMax: Self.shownBytesMax)
    }
    return GatewayResponse(
      headers: ContentPage.headers(of: content, tag), body: .bytes(Bytes(page.utf8)))
  }
}
