internal import ContentStore
internal import Networking
internal import Primitives

/// Content that a request's path led to, and what every response about it says.
struct GatewayContent: Sendable {
  /// How long a response may be kept.
  enum Lifetime: Sendable {
    /// Below `/ipfs/`: for ever.
    case immutable
    /// Below `/ipns/`: as long as the name's record is believed; nil where that is unknown.
    case mutable(Duration?)
  }

  /// 48 weeks, which the specification demands.
  private static let immutableControl = "public, max-age=29030400, immutable"
  /// A week, and a month beyond while a newer page is fetched: our pages change with our versions.
  private static let pageControl = "public, max-age=604800, stale-while-revalidate=2678400"

  /// The request.
  let asked: GatewayRequest
  /// The immutable path.
  let path: ContentPath
  /// Each name's CID on the way, the root first.
  let roots: [CID]
  /// Where the path led.
  let cid: CID
  /// The names that lead further inside that block, a value; else empty.
  let remainder: [String]
  /// How long a response may be kept.
  let lifetime: Lifetime
  /// Where its blocks come from.
  let blocks: GatewayBlocks

  /// The last name of the path; nil for the root itself.
  var name: String? { asked.segments.last }

  /// The fields of a response in `mediaType` that `tag` names.
  func headers(
    _ tag: EntityTag, type mediaType: String, disposition: String? = nil, isPage: Bool = false
  ) -> HTTPHeaders {
    var headers: HTTPHeaders = ["Content-Type": mediaType, "X-Content-Type-Options": "nosniff"]
    if let disposition { headers.append("Content-Disposition", disposition) }
    if let location = asked.contentLocation { headers.append("Content-Location", location) }
    addCaching(tag, isPage: isPage, to: &headers)
    headers.append("X-Ipfs-Path", asked.path)
    headers.append("X-Ipfs-Roots", roots.map(\.text).joined(separator: ","))
    return headers
  }

  private func addCaching(_ tag: EntityTag, isPage: Bool, to headers: inout HTTPHeaders) {
    headers.append("Etag", tag.field)
    // The URL alone does not tell the formats apart.
    headers.append("Vary", "Accept")
    switch lifetime {
    case .immutable:
      headers.append("Cache-Control", isPage ? Self.pageControl : Self.immutableControl)
    case .mutable(let time?):
      headers.append("Cache-Control", "public, max-age=\(max(0, time.components.seconds))")
    case .mutable(nil): break
    }
  }

  /// The answer to a client that has what `tag` names; nil where it must be sent.
  func unchanged(_ tag: EntityTag, isPage: Bool = false) -> GatewayResponse? {
    guard let known = asked.known, tag.matches(anyOf: known) else { return nil }
    var headers: HTTPHeaders = [:]
    addCaching(tag, isPage: isPage, to: &headers)
    return GatewayResponse(status: .notModified, headers: headers)
  }

  /// The bytes that are wanted of `size`, all where no range counts; throws where none exist.
  func range(of size: UInt64, _ tag: EntityTag) throws(GatewayError) -> Range<UInt64>? {
    guard let range = asked.range else { return nil }
    if let condition = asked.rangeCondition, tag.isWeak || condition != tag.field { return nil }
    guard let bytes = range.resolved(in: size) else { throw .rangeNotSatisfiable(size: size) }
    return bytes
  }

  /// A response of bytes at hand, or of the wanted part of them.
  func response(
    _ bytes: Bytes, _ tag: EntityTag, type mediaType: String, disposition: String?
  ) throws(GatewayError) -> GatewayResponse {
    if let unchanged = unchanged(tag) { return unchanged }
    var headers = headers(tag, type: mediaType, disposition: disposition)
    headers.append("Accept-Ranges", "bytes")
    guard let range = try range(of: UInt64(bytes.count), tag) else {
      return GatewayResponse(headers: headers, body: .bytes(bytes))
    }
    headers.append("Content-Range", Self.contentRange(range, of: UInt64(bytes.count)))
    return GatewayResponse(
      status: .partialContent, headers: headers,
      body: .bytes(Bytes(bytes[Int(range.lowerBound)..<Int(range.upperBound)])))
  }

  /// The field of a partial response.
  static func contentRange(_ range: Range<UInt64>, of size: UInt64) -> String {
    "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)"
  }
}

/// How a client is to save or show a body (RFC 6266, RFC 8187).
enum ContentDisposition {
  static func attachment(_ filename: String) -> String { "attachment" + name(filename) }

  static func inline(_ filename: String) -> String { "inline" + name(filename) }

  /// The name in ASCII, and in UTF-8 too where that says more.
  private static func name(_ filename: String) -> String {
    var plain = ""
    for scalar in filename.unicodeScalars {
      let isPlain = (0x20..<0x7F).contains(scalar.value) && scalar != "\"" && scalar != "\\"
      plain.unicodeScalars.append(isPlain ? scalar : "_")
    }
    let field = "; filename=\"\(plain)\""
    guard plain != filename else { return field }
    return field + "; filename*=UTF-8''\(HTTPPercent.encode(filename))"
  }
}
