internal import CAssets
internal import Cryptography
internal import Networking
internal import Primitives

/// The dashboard's files, which are part of the binary.
enum APIAssets {
  struct File: Sendable {
    let path: String
    let contentType: String
    let bytes: Bytes
    let tag: String
  }

  static let files: [File] = (0..<martlet_asset_count()).compactMap { index in
    guard let asset = martlet_asset_at(index)?.pointee else { return nil }
    let bytes = Bytes(UnsafeBufferPointer(start: asset.bytes, count: asset.length))
    return File(
      path: String(cString: asset.path), contentType: String(cString: asset.content_type),
      bytes: bytes, tag: "\"\(SHA256.hash(bytes).hex.prefix(32))\"")
  }

  static let routes: [APIRoute] = files.map { file in
    APIRoute(
      .get, file.path, .open,
      APIOperation(
        id: "asset", tag: "dashboard", summary: "A file of the dashboard",
        answer: .init(mediaType: file.contentType, schema: nil))
    ) { call in
      response(file, to: call.request)
    }
  }

  /// The page loads its own files, talks to its own server, and may be framed by nobody.
  static let contentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    + "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

  private static func response(_ file: File, to request: HTTPRequest) -> HTTPResponse {
    var headers: HTTPHeaders = [
      "ETag": file.tag,
      // The pages themselves are never kept; their files are asked for again with their tag.
      "Cache-Control": file.contentType.hasPrefix("text/html") ? "no-store" : "no-cache",
      "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
      "Content-Security-Policy": contentSecurityPolicy,
    ]
    if request.headers["If-None-Match"] == file.tag {
      return HTTPResponse(status: .notModified, headers: headers)
    }
    headers.append("Content-Type", file.contentType)
    return HTTPResponse(status: .ok, headers: headers, body: .bytes(file.bytes))
  }
}
