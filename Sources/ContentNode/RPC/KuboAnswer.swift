import Networking
import Primitives

/// Puts replies into responses as Kubo's command library does.
enum KuboAnswer {
  static let exposedHeaders = "X-Stream-Output, X-Chunked-Output, X-Content-Length"
  private static let errorTrailer = "X-Stream-Error"
  private static let json = "application/json"

  /// The response to a reply, which holds `turn` until it was sent.
  static func response(to reply: KuboReply, holding turn: KuboTurn) async throws -> HTTPResponse {
    switch reply {
    case .object(let object):
      return HTTPResponse(
        status: .ok, headers: headers(json), body: .bytes(KuboJSON.line(object)))
    case .objects(let stream):
      var headers = headers(json)
      headers.append("X-Chunked-Output", "1")
      return try await response(headers, stream, isFlushed: true, turn)
    case .bytes(let stream, let type, let length):
      var headers = headers(type)
      headers.append("X-Stream-Output", "1")
      if let length { headers.append("X-Content-Length", "\(length)") }
      return try await response(headers, stream, isFlushed: false, turn)
    }
  }

  private static func headers(_ type: String) -> HTTPHeaders {
    [
      "Access-Control-Allow-Headers": exposedHeaders,
      "Access-Control-Expose-Headers": exposedHeaders, "Content-Type": type,
      "Trailer": errorTrailer, "Vary": "Origin",
    ]
  }

  /// The first piece is waited for, so that a failure before it is an error of its own; one behind
  /// it goes into the trailer.
  private static func response(
    _ headers: HTTPHeaders, _ stream: any KuboStream, isFlushed: Bool,
    _ turn: KuboTurn
  ) async throws -> HTTPResponse {
    let first = try await stream.next()
    return HTTPResponse(
      status: .ok, headers: headers,
      body: .stream { writer in
        defer { withExtendedLifetime(turn) {} }
        var piece = first
        while let bytes = piece {
          try await writer.write(bytes)
          if isFlushed { try await writer.flush() }
          do { piece = try await stream.next() } catch {
            return await writer.trailer(errorTrailer, oneLine(KuboError.message(error)))
          }
        }
      })
  }

  private static func oneLine(_ text: String) -> String {
    String(text.prefix { !$0.isNewline })
  }

  /// The response to a command that failed before it gave anything.
  static func failure(_ error: any Error) -> HTTPResponse {
    let message = KuboError.message(error)
    let status = (error as? KuboError)?.status ?? .internalError
    guard status != .badRequest else { return .text(status, message) }
    let object: JSONValue = ["Message": .string(message), "Code": 0, "Type": "error"]
    return HTTPResponse(
      status: status, headers: headers(json), body: .bytes(KuboJSON.line(object)))
  }
}
