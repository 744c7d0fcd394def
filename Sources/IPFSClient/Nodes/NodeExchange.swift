internal import ContentStore
internal import Networking
internal import Primitives

/// HTTP exchanges with one node, in the words of `NodeFault`.
struct NodeExchange: Sendable {
  let http: HTTPClient
  let url: String
  let timeout: Duration
  let stallTimeout: Duration

  /// How much of an error's text is kept.
  private static let messageBytesMax = 200
  /// For how long a node is left alone that asks for it without saying how long.
  private static let throttledFor = Duration.seconds(1)
  /// A day: longer ones are no pauses but refusals.
  private static let throttledSecondsMax = 86_400

  func request(_ method: HTTPMethod, _ path: String) -> HTTPClientRequest {
    var request = HTTPClientRequest(method, url + path)
    request.timeout = timeout
    request.connectTimeout = min(timeout, request.connectTimeout)
    request.answerTimeout = timeout
    request.stallTimeout = stallTimeout
    request.responseBytesMax = IPFSClientLimits.answerBytesMax
    return request
  }

  /// The whole answer, of a status from 200 to 299.
  func answer(to request: HTTPClientRequest) async throws(NodeFault) -> Bytes {
    let response: HTTPClientResponse
    do { response = try await http.send(request) } catch { throw Self.fault(of: error) }
    try Self.check(response)
    // What goes wrong after an answer began stands behind it (Kubo's RPC).
    if let message = response.headers["X-Stream-Error"] {
      throw .refused(status: response.status, message: Self.message(Bytes(message.utf8)))
    }
    return response.body
  }

  /// A block; more bytes than a block may have are a lie about it.
  func block(_ request: HTTPClientRequest, _ cid: CID) async throws(NodeFault) -> Bytes {
    var request = request
    request.responseBytesMax = BlockLimits.byteCountMax
    do { return try await answer(to: request) } catch {
      guard case .lied = error else { throw error }
      throw .lied(.tooLarge(cid, limit: UInt64(BlockLimits.byteCountMax)))
    }
  }

  /// Hands the body of a good answer to `sink`, whose errors come back as they are.
  func stream(
    _ request: HTTPClientRequest, into sink: @escaping @Sendable (Bytes) throws -> Void
  ) async throws {
    var request = request
    request.timeout = nil
    // What is too much is decided by who reads the stream.
    request.responseBytesMax = .max
    let response: HTTPClientResponse
    do { response = try await http.send(request, streamingTo: sink) } catch {
      guard error is HTTPClientError || error is ComputePoolError else { throw error }
      throw Self.fault(of: error)
    }
    try Self.check(response)
  }

  private static func check(_ response: HTTPClientResponse) throws(NodeFault) {
    switch response.status {
    case 200..<300: return
    // 410 and 451: the gateway will never give it, which is as final as not having it.
    case 404, 410, 451: throw .missing
    case 429, 503:
      guard let field = response.headers["Retry-After"] else {
        if response.status == 429 { throw .throttled(throttledFor) }
        throw .refused(status: response.status, message: message(response.body))
      }
      let seconds = Int(field) ?? Int(throttledFor.components.seconds)
      throw .throttled(.seconds(min(max(seconds, 0), throttledSecondsMax)))
    default: throw .refused(status: response.status, message: message(response.body))
    }
  }

  /// The first line of an error's text, as far as it can be shown.
  private static func message(_ body: Bytes) -> String {
    let line = body.prefix { $0 != UInt8(ascii: "\n") }.prefix(messageBytesMax)
    return String(
      String(decoding: line, as: UTF8.self).unicodeScalars.filter { $0.properties.isGraphic })
  }

  private static func fault(of error: any Error) -> NodeFault {
    if error is ComputePoolError { return .notAsked }
    guard let error = error as? HTTPClientError else {
      return error is CancellationError ? .cancelled : .broken("\(error)")
    }
    return switch error {
    case .nameUnknown, .unreachable: .unreachable
    case .timedOut: .timedOut
    case .malformedURL, .certificateRefused, .malformedResponse, .unavailable, .broken:
      .broken("\(error)")
    case .responseTooLarge(let max):
      .lied(
        .malformedArchive(
          .tooLarge(what: "answer", size: max + 1, limit: max)))
    case .cancelled: .cancelled
    }
  }
}

extension Unicode.Scalar.Properties {
  /// Neither a control character nor one that turns the direction of a line.
  fileprivate var isGraphic: Bool {
    generalCategory != .control && generalCategory != .format
  }
}
