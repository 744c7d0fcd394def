internal import ContentStore
internal import Networking

/// Which form of its content a request wants: `format` and the archive's parameters of the query
/// win over those of `Accept` (IPIP-0523).
struct GatewayNegotiation: Sendable {
  /// The format asked for; nil for what the content itself is.
  let format: GatewayFormat?
  /// Whether the URL alone does not say which format this is.
  let isBeyondURL: Bool
  /// Whether a browser's `text/html` was wanted before any format.
  let wantsPage: Bool
  /// The parameters of the best media range of the archive's type.
  private let archiveParameters: [String: String]

  /// Reads the query and the values of `Accept`.
  init(query: HTTPQuery, accept values: [String]) throws(GatewayError) {
    let accept = AcceptField(values.joined(separator: ","))
    let wanted = accept.ranges.first {
      GatewayFormat(mediaType: $0.mediaType) != nil || Self.pages.contains($0.mediaType)
    }
    let accepted = wanted.flatMap { GatewayFormat(mediaType: $0.mediaType) }
    archiveParameters =
      accept.ranges.first { $0.mediaType == GatewayFormat.car.mediaType }?.parameters ?? [:]
    if let name = query["format"], !name.isEmpty {
      guard let named = GatewayFormat(rawValue: name) else {
        let known = GatewayFormat.allCases.map(\.rawValue).joined(separator: ", ")
        throw .malformed("`format` is one of \(known)")
      }
      format = named
      isBeyondURL = accepted != nil && accepted != named
      wantsPage = false
    } else {
      format = accepted
      isBeyondURL = accepted != nil
      wantsPage = wanted != nil && accepted == nil
    }
  }

  private static let pages = ["text/html", "application/xhtml+xml"]

  // MARK: - Archives

  /// What of a DAG goes into an archive, and how.
  struct Archive: Equatable, Sendable {
    /// How much of what the path leads to.
    var scope = DagScope.all
    /// Which bytes of a file.
    var bytes = EntityBytes.all
    /// Whether a block comes again wherever it is linked again.
    var repeatsBlocks = false

    /// The media type with everything that is known about the archive.
    var mediaType: String {
      "\(GatewayFormat.car.mediaType); version=1; order=dfs; dups=\(repeatsBlocks ? "y" : "n")"
    }
  }

  /// The archive that is asked for; throws for values that nobody knows.
  func archive(_ query: HTTPQuery) throws(GatewayError) -> Archive {
    var archive = Archive()
    _ = try choice("car-version", "version", query, of: ["1"])
    _ = try choice("car-order", "order", query, of: ["dfs", "unk"])
    archive.repeatsBlocks = try choice("car-dups", "dups", query, of: ["y", "n"]) == "y"
    if let text = query["entity-bytes"] {
      guard let bytes = try? EntityBytes(parsing: text) else {
        throw .malformed("`entity-bytes` is `from:to`")
      }
      archive.bytes = bytes
      archive.scope = .entity
    }
    if let text = query["dag-scope"] {
      guard let scope = DagScope(rawValue: text) else {
        throw .malformed("`dag-scope` is block, entity or all")
      }
      archive.scope = scope
    }
    return archive
  }

  private func choice(
    _ name: String, _ parameter: String, _ query: HTTPQuery, of known: [String]
  ) throws(GatewayError) -> String? {
    guard let value = query[name] ?? archiveParameters[parameter] else { return nil }
    guard known.contains(value) else {
      throw .malformed("`\(name)` is \(known.joined(separator: " or "))")
    }
    return value
  }
}
