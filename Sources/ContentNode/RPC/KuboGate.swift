import Networking
import Primitives

/// Who may ask: only POST, only pages that are allowed, only with the key if there is one.
struct KuboGate {
  private let settings: KuboRPCSettings

  init(_ settings: KuboRPCSettings) { self.settings = settings }

  /// The answer to a request that must not run; nil where it may.
  func refusal(of request: HTTPRequest) -> HTTPResponse? {
    if request.method == .options { return preflight(request) }
    guard request.method == .post else {
      var response = HTTPResponse.text(.methodNotAllowed, "405 - Method Not Allowed\n")
      response.headers.append("Allow", "OPTIONS, POST")
      return response
    }
    guard isFromHere(request) else { return .text(.forbidden, "403 - Forbidden\n") }
    guard settings.admits(request) else {
      var response = HTTPResponse.text(.unauthorized, "401 - a key is required\n")
      response.headers.append("WWW-Authenticate", "Bearer")
      return response
    }
    return nil
  }

  /// A page of another site can make a browser send it a POST; Origin or Referer then give it away,
  /// and a browser that sends neither says who it is.
  private func isFromHere(_ request: HTTPRequest) -> Bool {
    let origin = request.headers["Origin"]
    let referer = request.headers["Referer"]
    if let origin, !allows(origin, request) { return false }
    if let referer, !allows(Self.origin(ofPage: referer), request) { return false }
    guard origin == nil, referer == nil else { return true }
    let agent = request.headers["User-Agent"] ?? ""
    return !agent.hasPrefix("Mozilla") || agent.contains("Electron")
  }

  private func allows(_ origin: String, _ request: HTTPRequest) -> Bool {
    if settings.allowedOrigins.contains("*") || settings.allowedOrigins.contains(origin) {
      return true
    }
    // A page that this address served itself.
    let scheme = request.isEncrypted ? "https" : "http"
    return request.headers["Host"].map { origin == "\(scheme)://\($0)" } ?? false
  }

  /// Scheme and authority of an address.
  private static func origin(ofPage address: String) -> String {
    guard let separator = address.firstRange(of: "://") else { return address }
    let authority = address[separator.upperBound...].prefix { !"/?#".contains($0) }
    return String(address[..<separator.upperBound]) + authority
  }

  private func preflight(_ request: HTTPRequest) -> HTTPResponse {
    var response = HTTPResponse(status: .noContent)
    response.headers.append("Allow", "OPTIONS, POST")
    response.headers.append("Vary", "Origin")
    guard let origin = request.headers["Origin"], allows(origin, request) else { return response }
    response.headers.append("Access-Control-Allow-Origin", origin)
    response.headers.append("Access-Control-Allow-Methods", "POST")
    response.headers.append("Access-Control-Allow-Headers", KuboAnswer.exposedHeaders)
    return response
  }
}
