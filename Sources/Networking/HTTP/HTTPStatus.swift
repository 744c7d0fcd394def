/// A status code of RFC 9110 §15 (and 429, 431 of RFC 6585).
package struct HTTPStatus: Hashable, Sendable {
  /// Three digits.
  package let code: Int

  /// A code from 200 to 599.
  package init(code: Int) {
    precondition((200...599).contains(code), "status \(code)")
    self.code = code
  }

  /// OK.
  package static let ok = HTTPStatus(code: 200)
  /// Created.
  package static let created = HTTPStatus(code: 201)
  /// 202 of RFC 9110 or RFC 6585.
  package static let accepted = HTTPStatus(code: 202)
  /// 204 of RFC 9110 or RFC 6585.
  package static let noContent = HTTPStatus(code: 204)
  /// 206 of RFC 9110 or RFC 6585.
  package static let partialContent = HTTPStatus(code: 206)
  /// 301 of RFC 9110 or RFC 6585.
  package static let movedPermanently = HTTPStatus(code: 301)
  /// 302 of RFC 9110 or RFC 6585.
  package static let found = HTTPStatus(code: 302)
  /// 304 of RFC 9110 or RFC 6585.
  package static let notModified = HTTPStatus(code: 304)
  /// 400 of RFC 9110 or RFC 6585.
  package static let badRequest = HTTPStatus(code: 400)
  /// 401 of RFC 9110 or RFC 6585.
  package static let unauthorized = HTTPStatus(code: 401)
  /// 403 of RFC 9110 or RFC 6585.
  package static let forbidden = HTTPStatus(code: 403)
  /// 404 of RFC 9110 or RFC 6585.
  package static let notFound = HTTPStatus(code: 404)
  /// 405 of RFC 9110 or RFC 6585.
  package static let methodNotAllowed = HTTPStatus(code: 405)
  /// 406 of RFC 9110 or RFC 6585.
  package static let notAcceptable = HTTPStatus(code: 406)
  /// 408 of RFC 9110 or RFC 6585.
  package static let requestTimeout = HTTPStatus(code: 408)
  /// 409 of RFC 9110 or RFC 6585.
  package static let conflict = HTTPStatus(code: 409)
  /// 410 of RFC 9110 or RFC 6585.
  package static let gone = HTTPStatus(code: 410)
  /// 412 of RFC 9110 or RFC 6585.
  package static let preconditionFailed = HTTPStatus(code: 412)
  /// 413 of RFC 9110 or RFC 6585.
  package static let contentTooLarge = HTTPStatus(code: 413)
  /// 414 of RFC 9110 or RFC 6585.
  package static let targetTooLong = HTTPStatus(code: 414)
  /// 415 of RFC 9110 or RFC 6585.
  package static let unsupportedMediaType = HTTPStatus(code: 415)
  /// 416 of RFC 9110 or RFC 6585.
  package static let rangeNotSatisfiable = HTTPStatus(code: 416)
  /// 417 of RFC 9110 or RFC 6585.
  package static let expectationFailed = HTTPStatus(code: 417)
  /// 422 of RFC 9110 or RFC 6585.
  package static let unprocessable = HTTPStatus(code: 422)
  /// 429 of RFC 9110 or RFC 6585.
  package static let tooManyRequests = HTTPStatus(code: 429)
  /// 431 of RFC 9110 or RFC 6585.
  package static let headTooLarge = HTTPStatus(code: 431)
  /// 451 of RFC 7725.
  package static let unavailableForLegalReasons = HTTPStatus(code: 451)
  /// 500 of RFC 9110 or RFC 6585.
  package static let internalError = HTTPStatus(code: 500)
  /// 501 of RFC 9110 or RFC 6585.
  package static let notImplemented = HTTPStatus(code: 501)
  /// 502 of RFC 9110 or RFC 6585.
  package static let badGateway = HTTPStatus(code: 502)
  /// 503 of RFC 9110 or RFC 6585.
  package static let unavailable = HTTPStatus(code: 503)
  /// 504 of RFC 9110 or RFC 6585.
  package static let gatewayTimeout = HTTPStatus(code: 504)
  /// 505 of RFC 9110 or RFC 6585.
  package static let versionNotSupported = HTTPStatus(code: 505)

  /// Whether a response with this status never has a body (RFC 9112 §6.3).
  var hasNoBody: Bool { code == 204 || code == 304 }

  var reason: StaticString {
    switch code {
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 206: "Partial Content"
    case 301: "Moved Permanently"
    case 302: "Found"
    case 304: "Not Modified"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 406: "Not Acceptable"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 410: "Gone"
    case 412: "Precondition Failed"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 416: "Range Not Satisfiable"
    case 417: "Expectation Failed"
    case 422: "Unprocessable Content"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 451: "Unavailable For Legal Reasons"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    default: "Status"
    }
  }
}
