internal import ContentStore
internal import Cryptography
internal import Networking
package import Primitives

/// What a request to a gateway asks for, read from its target and its fields.
struct GatewayRequest: Sendable {
  /// Where its path starts.
  enum Root: Equatable, Sendable {
    case content(CID)
    /// The CID of a name (IPNS), whose codec is libp2p-key.
    case name(CID)
  }

  private static let contentPrefix = "ipfs"
  private static let namePrefix = "ipns"

  /// Where the path starts.
  let root: Root
  /// The names behind the root, decoded.
  let segments: [String]
  /// Whether the path ends with a slash, so that relative links of a page lead below it.
  let endsWithSlash: Bool
  /// The path as it was sent.
  let path: String
  /// The query.
  let query: HTTPQuery
  /// Which form is wanted.
  let negotiation: GatewayNegotiation
  /// What of a DAG goes into an archive, where one is wanted.
  let archive: GatewayNegotiation.Archive
  /// The name that a saved file should get.
  let filename: String?
  /// Whether the client should save rather than show.
  let isDownload: Bool
  /// Which bytes of a file or block are wanted.
  let range: ByteRange?
  /// The tag for which alone the range counts.
  let rangeCondition: String?
  /// The tags of what the client has.
  let known: String?
  /// Whether nothing may be fetched.
  let isOnlyIfCached: Bool
  /// Whether there is no body.
  let isHeadOnly: Bool

  /// Reads a request whose path lies in a namespace of the gateway.
  init(
    method: HTTPMethod, path: String, query: String, headers: HTTPHeaders
  ) throws(GatewayError) {
    guard method == .get || method == .head else { throw .methodNotAllowed }
    isHeadOnly = method == .head
    self.path = path
    self.query = HTTPQuery(query)
    endsWithSlash = path.hasSuffix("/")
    (root, segments) = try Self.content(path)
    negotiation = try GatewayNegotiation(query: self.query, accept: headers.values("Accept"))
    archive = negotiation.format == .car ? try negotiation.archive(self.query) : .init()
    filename = self.query["filename"].flatMap { $0.isEmpty ? nil : $0 }
    isDownload = self.query["download"] == "true"
    range = isHeadOnly ? nil : headers["Range"].flatMap { ByteRange($0) }
    rangeCondition = headers["If-Range"]
    known = headers["If-None-Match"]
    isOnlyIfCached = headers.values("Cache-Control").joined(separator: ",")
      .split(separator: ",").contains { $0.trimmed().lowercased() == "only-if-cached" }
    // A worker registered for the root without a slash would rule over all other content.
    let isWorker = headers["Service-Worker"] == "script"
    guard !isWorker || !segments.isEmpty || endsWithSlash else {
      throw .malformed("a service worker belongs below one root")
    }
  }

  private static func content(_ path: String) throws(GatewayError) -> (Root, [String]) {
    var segments: [String] = []
    for part in path.utf8.split(separator: UInt8(ascii: "/")) {
      guard let segment = HTTPPercent.decode(part) else {
        throw .malformed("the path is not percent-encoded UTF-8")
      }
      segments.append(segment)
    }
    guard let namespace = segments.first, namespace == contentPrefix || namespace == namePrefix
    else { throw .notFound("there is nothing here; content is below /ipfs/ and /ipns/") }
    guard segments.count > 1 else { throw .malformed("the path names no content") }
    let names = Array(segments[2...])
    guard names.count <= ContentPath.segmentsMax else {
      throw .malformed("the path has more than \(ContentPath.segmentsMax) names")
    }
    guard !names.contains("."), !names.contains("..") else {
      throw .malformed("`.` and `..` are not names")
    }
    let root = try namespace == contentPrefix ? content(named: segments[1]) : name(segments[1])
    return (root, names)
  }

  private static func content(named text: String) throws(GatewayError) -> Root {
    let cid: CID
    do { cid = try CID(parsing: text) } catch { throw GatewayError(describing: error) }
    guard cid.codec != .libp2pKey else { throw .malformed("names are below /ipns/") }
    return .content(cid)
  }

  private static func name(_ text: String) throws(GatewayError) -> Root {
    if let peer = try? PeerID(text), let cid = CID(name: peer) { return .name(cid) }
    if let cid = try? CID(parsing: text), cid.codec == .libp2pKey { return .name(cid) }
    guard !text.contains(".") else { throw .notFound("names of the DNS are not looked up here") }
    throw .malformed("`\(text.prefix(Self.excerptMax))` is not a name")
  }

  /// As much of a refused name as an error repeats.
  private static let excerptMax = 100

  // MARK: - Spellings

  /// Where a name in an older spelling is to be asked for: base36 fits into one label of a host.
  var canonicalName: String? {
    guard case .name(let cid) = root,
      let text = path.utf8.split(separator: UInt8(ascii: "/")).dropFirst().first,
      text.first == UInt8(ascii: "1") || text.first == UInt8(ascii: "Q")
    else { return nil }
    return location("/\(Self.namePrefix)/\(cid.text(in: .base36))", slash: endsWithSlash)
  }

  /// The same content under a path that ends with a slash.
  var withSlash: String {
    location("/" + path.pathNames.prefix(2).joined(separator: "/"), slash: true)
  }

  private func location(_ root: String, slash: Bool) -> String {
    let names = segments.map { "/" + HTTPPercent.encode($0) }.joined()
    return root + names + (slash ? "/" : "") + (query.text.isEmpty ? "" : "?\(query.text)")
  }

  /// The URL that alone names this response; nil where the request's own does.
  var contentLocation: String? {
    guard negotiation.isBeyondURL, let format = negotiation.format else { return nil }
    var items = query.text.isEmpty ? [] : [query.text]
    func add(_ name: String, _ value: String) {
      if query[name] == nil { items.append("\(name)=\(value)") }
    }
    add("format", format.rawValue)
    if format == .car {
      add("car-version", "1")
      add("car-order", "dfs")
      add("car-dups", archive.repeatsBlocks ? "y" : "n")
    }
    return "\(path)?\(items.joined(separator: "&"))"
  }
}

extension CID {
  /// The name (IPNS) of a peer's key.
  init?(name peer: PeerID) {
    guard let cid = try? CID(decoding: CID.nameHead + peer.bytes) else { return nil }
    self = cid
  }

  /// Version 1, codec libp2p-key.
  private static let nameHead: Bytes = [1, UInt8(Codec.libp2pKey.rawValue)]
}

extension Substring {
  /// Without spaces and tabs at either end.
  fileprivate func trimmed() -> Substring {
    var rest = drop { $0 == " " || $0 == "\t" }
    while rest.last == " " || rest.last == "\t" { rest.removeLast() }
    return rest
  }
}

/// Reads bytes as the path, query, `Accept` and `Range` of a request, in lines; never traps.
package func fuzzGatewayRequest(_ bytes: Bytes) {
  let lines = bytes.split(
    separator: UInt8(ascii: "\n"), maxSplits: 3, omittingEmptySubsequences: false
  ).map { String(decoding: $0, as: UTF8.self) }
  var headers = HTTPHeaders()
  if lines.count > 2 { headers.append("Accept", lines[2]) }
  if lines.count > 3 {
    headers.append("Range", lines[3])
    headers.append("If-None-Match", lines[3])
    _ = EntityTag(text: "x").matches(anyOf: lines[3])
  }
  guard
    let request = try? GatewayRequest(
      method: .get, path: lines[0], query: lines.count > 1 ? lines[1] : "", headers: headers)
  else { return }
  _ = (request.contentLocation, request.canonicalName)
  for size in [0, 1, 1_000, UInt64.max] {
    if let range = request.range?.resolved(in: size) {
      precondition(!range.isEmpty && range.upperBound <= size)
    }
  }
  // What a redirect leads to is the same content.
  let path = String(request.withSlash.unicodeScalars.prefix { $0 != "?" })
  guard let again = try? GatewayRequest(method: .get, path: path, query: "", headers: [:])
  else { preconditionFailure("a redirect leads nowhere") }
  precondition(again.segments == request.segments && again.endsWithSlash)
}
