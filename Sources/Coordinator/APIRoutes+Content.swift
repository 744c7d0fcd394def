internal import ContentStore
internal import Networking
internal import Persistence
internal import Primitives
internal import Telemetry

extension APIRoutes {
  static let content: [APIRoute] = [
    APIRoute(
      .post, base + "/content", .change,
      APIOperation(
        id: "uploadContent", tag: "content", summary: "Stores a file and returns its CID",
        parameters: [profileParameter],
        body: .bytes, status: 201, answer: .json("StoredContent"), errors: [400, 413]),
      handle: upload),
    APIRoute(
      .get, base + "/content/{cid}", .read,
      APIOperation(
        id: "downloadContent", tag: "content",
        summary: "A stored file, every block checked against its CID", answer: .bytes,
        errors: [400, 404, 422]),
      handle: download),
  ]

  /// The body goes to the store piece by piece; a broken one leaves no file, only blocks that
  /// nothing refers to.
  private static func upload(_ call: APICall) async throws -> HTTPResponse {
    let file = try await receive(call).finish()
    var response = HTTPResponse.json(
      [
        "cid": .string("\(file.cid)"), "size": JSONValue(file.tsize),
        "bytes": JSONValue(file.fileSize),
      ], status: .created)
    response.headers.append("Location", "\(base)/content/\(file.cid)")
    return response
  }

  /// Takes the body into the store, where it has no name yet.
  static func receive(_ call: APICall) async throws -> ContentUpload {
    let layout = try profile(call).layout
    let max = call.context.settings.uploadBytesMax
    if let announced = call.request.body.announcedLength, announced > max {
      throw HTTPBodyError.tooLarge(max: max)
    }
    let upload = ContentUpload(store: call.coordinator.content.store, layout: layout)
    var received = 0
    while let chunk = try await call.request.body.nextChunk() {
      received += chunk.count
      guard received <= max else { throw HTTPBodyError.tooLarge(max: max) }
      try await upload.append(chunk)
      call.coordinator.ipfs.uploadedBytes.increment(by: UInt64(chunk.count))
    }
    return upload
  }

  static let profileParameter = APIOperation.Parameter(
    name: "profile", summary: "`unixfs-v1-2025` (default) or `unixfs-v0-2015`")

  private static func profile(_ call: APICall) throws(APIError) -> UnixFSProfile {
    guard let text = call.request.query("profile") else { return .v1In2025 }
    guard let profile = UnixFSProfile(rawValue: text) else {
      let known = UnixFSProfile.allCases.map { "`\($0.rawValue)`" }.joined(separator: " or ")
      throw .malformed("profile", text, expected: known)
    }
    return profile
  }

  private static func download(_ call: APICall) async throws -> HTTPResponse {
    let content = call.coordinator.content
    return try await fileAnswer(to: call) { try await content.next(of: &$0) }
  }

  /// The first block is read before the head is sent, so that a missing file is a 404; one that
  /// breaks later breaks the connection, which the promised length makes visible.
  static func fileAnswer(
    to call: APICall, done: @escaping @Sendable (UInt64?) -> Void = { _ in },
    next: @escaping @Sendable (inout UnixFSWalk) async throws -> Bytes?
  ) async throws -> HTTPResponse {
    let cid = try call.readableContent()
    let tag = "\"\(cid)\""
    var headers: HTTPHeaders = [
      "ETag": tag, "Cache-Control": "public, max-age=31536000, immutable",
      "X-Content-Type-Options": "nosniff",
    ]
    var walk = UnixFSWalk(root: cid)
    let first = try await next(&walk) ?? []
    guard let size = walk.fileSize.flatMap({ Int(exactly: $0) }) else {
      throw ContentError.tooLarge(cid, limit: UInt64(Int.max))
    }
    if call.request.headers["If-None-Match"] == tag {
      return HTTPResponse(status: .notModified, headers: headers)
    }
    headers.append("Content-Type", "application/octet-stream")
    let counter = call.coordinator.ipfs.downloadedBytes
    return HTTPResponse(
      status: .ok, headers: headers,
      body: .stream(length: size) { [walk] writer in
        var rest = walk
        do {
          try await writer.write(first)
          counter.increment(by: UInt64(first.count))
          while let bytes = try await next(&rest) {
            try await writer.write(bytes)
            counter.increment(by: UInt64(bytes.count))
          }
        } catch {
          done(nil)
          throw error
        }
        done(UInt64(size))
      })
  }
}
