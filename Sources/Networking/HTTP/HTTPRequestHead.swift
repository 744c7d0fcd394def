/// A request method; names are case-sensitive (RFC 9110 §9.1).
package enum HTTPMethod: Hashable, Sendable {
  case get, head, post, put, patch, delete, options
  case other(String)

  /// The name on the wire.
  package var name: String {
    switch self {
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .patch: "PATCH"
    case .delete: "DELETE"
    case .options: "OPTIONS"
    case .other(let name): name
    }
  }

  init(name: String) {
    self =
      switch name {
      case "GET": .get
      case "HEAD": .head
      case "POST": .post
      case "PUT": .put
      case "PATCH": .patch
      case "DELETE": .delete
      case "OPTIONS": .options
      default: .other(name)
      }
  }
}

/// How the length of a request's body is known (RFC 9112 §6.3).
package enum HTTPFraming: Equatable, Sendable {
  case none
  case length(Int)
  case chunked
}

/// The request line and header fields of one request, checked.
package struct HTTPRequestHead: Sendable {
  /// What is asked.
  package var method: HTTPMethod
  /// The path as sent, percent-encoded, beginning with `/` (or `*` for OPTIONS).
  package var path: String
  /// What follows `?`, as sent; empty where there is none.
  package var query: String
  /// False for HTTP/1.0.
  package var isVersion11: Bool
  /// Header fields in order.
  package var headers: HTTPHeaders
  /// Where the body ends.
  package var framing: HTTPFraming
  /// Whether the client wants the connection to stay.
  package var keepsAlive: Bool
  /// Whether the client waits for `100 Continue` before it sends the body.
  package var expectsContinue: Bool
}
