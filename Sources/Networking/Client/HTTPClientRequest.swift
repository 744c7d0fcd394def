package import Primitives

/// A request to send.
package struct HTTPClientRequest: Sendable {
  /// What is sent after the head.
  package enum Body: Sendable {
    case none
    case bytes(Bytes)
    /// Pulled piece by piece, at most the given number of bytes each, empty at the end; runs on a
    /// pool thread and may block. Chunked where the length is not known.
    case stream(length: Int?, @Sendable (_ countMax: Int) throws -> Bytes)
  }

  /// What is asked.
  package var method: HTTPMethod
  /// `http://` or `https://`; the host is only a name when a socket path is given.
  package var url: String
  /// Header fields.
  package var headers: HTTPHeaders = [:]
  /// The body.
  package var body = Body.none
  /// Connect to this socket file instead of the URL's host.
  package var unixSocketPath: String?
  /// Trust this PEM file instead of the system's authorities.
  package var authorityFile: String?
  /// Until the connection stands, TLS included.
  package var connectTimeout: Duration = .seconds(10)
  /// For the whole exchange; nil for event streams.
  package var timeout: Duration? = .seconds(60)
  /// How long the other side may take, once nothing more is sent, to begin its answer; nil for no
  /// limit beside `timeout`.
  package var answerTimeout: Duration?
  /// How long it may be silent in the middle of its answer; nil for no limit beside `timeout`.
  package var stallTimeout: Duration?
  /// A larger response body is an error, also when it is streamed.
  package var responseBytesMax = 64 << 20

  /// A request without a body.
  package init(_ method: HTTPMethod, _ url: String) {
    self.method = method
    self.url = url
  }
}

extension HTTPClientRequest {
  /// What a kept connection must agree in: scheme and host, socket file, authorities.
  var place: String {
    let parts = url.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
    let authority = parts.count > 2 ? parts[2].prefix { $0 != "/" && $0 != "?" } : ""
    let scheme = parts.first ?? ""
    return "\(scheme) \(authority) \(unixSocketPath ?? "") \(authorityFile ?? "")"
  }
}

/// What came back.
package struct HTTPClientResponse: Sendable {
  /// Three digits.
  package let status: Int
  /// Header fields in order.
  package let headers: HTTPHeaders
  /// The body; empty where it was streamed to a callback.
  package let body: Bytes
}

/// Why there is no response.
package enum HTTPClientError: Error, Equatable {
  case malformedURL(String)
  case nameUnknown(String)
  case unreachable(String)
  case timedOut(String)
  case certificateRefused(String)
  case responseTooLarge(max: Int)
  case malformedResponse(String)
  case broken(String)
  case cancelled
  case unavailable
}
