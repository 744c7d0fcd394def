internal import CCurl
internal import Primitives

/// One exchange on one libcurl handle, on the thread that calls `run()`.
final class CurlTransfer {
  /// Status line and header fields of one response.
  private static let headBytesMax = 65_536
  /// libcurl is asked at least so often, as `curl_easy_perform` does.
  private static let waitMilliseconds = 1_000

  private let request: HTTPClientRequest
  private let sink: HTTPClient.Sink?
  private let cancellation: TransferCancellation
  /// Held until the end, as the pointers are its own.
  private let slot: CurlSlot
  private let handle: UnsafeMutableRawPointer
  private let multi: UnsafeMutableRawPointer
  private var fieldList: UnsafeMutablePointer<curl_slist>?

  private var headers = HTTPHeaders()
  private var headBytes = 0
  private var body = Bytes()
  private var received = 0
  private var toSend = Bytes()
  private var sentCount = 0
  private var failure: (any Error)?
  private let clock = ContinuousClock()
  private lazy var lastMoved = clock.now

  init(
    _ request: HTTPClientRequest, sink: HTTPClient.Sink?, cancellation: TransferCancellation,
    on slot: CurlSlot
  ) {
    self.slot = slot
    handle = slot.handle
    multi = slot.multi
    self.request = request
    self.sink = sink
    self.cancellation = cancellation
  }

  deinit { shim_curl_free(fieldList) }

  func run() throws -> HTTPClientResponse {
    guard request.url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw HTTPClientError.malformedURL(request.url)
    }
    setOptions()
    setHeaders()
    setBody()
    let code = try perform()
    if let failure { throw failure }
    if code != CURLE_OK { throw error(for: code) }
    return HTTPClientResponse(status: shim_curl_status(handle), headers: headers, body: body)
  }

  private func perform() throws(HTTPClientError) -> CURLcode {
    guard shim_curl_multi_add(multi, handle) else { throw .broken("libcurl took no transfer") }
    // In the middle of a transfer this closes its connection.
    defer { shim_curl_multi_remove(multi, handle) }
    guard cancellation.begin(waking: multi) else { throw .cancelled }
    defer { cancellation.end() }
    let shortest = [request.stallTimeout, request.answerTimeout].compactMap { $0 }.min()
    let wait = shortest.map { Self.milliseconds($0 / 2) } ?? Self.waitMilliseconds
    var running: Int32 = 1
    while running > 0 {
      running = shim_curl_multi_step(multi, Int32(min(wait, Self.waitMilliseconds)))
      if cancellation.isCancelled { throw .cancelled }
      let silence = headBytes == 0 ? request.answerTimeout : request.stallTimeout
      if let silence, clock.now - lastMoved > silence { throw .timedOut(place) }
    }
    guard running == 0 else { throw .broken("libcurl's transfer failed") }
    return shim_curl_multi_result(multi)
  }

  // MARK: Options

  private func setOptions() {
    let context = Unmanaged.passUnretained(self).toOpaque()
    shim_curl_set_text(handle, CURLOPT_URL, request.url)
    shim_curl_set_text(handle, CURLOPT_PROTOCOLS_STR, "http,https")
    shim_curl_set_text(handle, CURLOPT_CUSTOMREQUEST, request.method.name)
    if request.method == .head { shim_curl_set_long(handle, CURLOPT_NOBODY, 1) }
    shim_curl_set_long(handle, CURLOPT_NOSIGNAL, 1)  // signals and threads do not mix
    shim_curl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, Self.milliseconds(request.connectTimeout))
    if let timeout = request.timeout {
      shim_curl_set_long(handle, CURLOPT_TIMEOUT_MS, Self.milliseconds(timeout))
    }
    if let path = request.unixSocketPath {
      shim_curl_set_text(handle, CURLOPT_UNIX_SOCKET_PATH, path)
    }
    if let file = request.authorityFile { shim_curl_set_text(handle, CURLOPT_CAINFO, file) }
    for option in [
      CURLOPT_WRITEDATA, CURLOPT_HEADERDATA, CURLOPT_READDATA,
    ] {
      shim_curl_set_pointer(handle, option, context)
    }
    shim_curl_set_data(handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
      CurlTransfer.from(context).receive(bytes, size * count)
    }
    shim_curl_set_data(handle, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
      CurlTransfer.from(context).receiveHeader(bytes, size * count)
    }
  }

  private func setHeaders() {
    var lines = request.headers.lines
    if request.headers["Accept"] == nil { lines.append("Accept: */*") }
    for line in lines { fieldList = shim_curl_append(fieldList, line) }
    shim_curl_set_pointer(handle, CURLOPT_HTTPHEADER, fieldList)
  }

  private func setBody() {
    let length: Int?
    switch request.body {
    case .none: return
    case .bytes(let bytes):
      toSend = bytes
      length = bytes.count
    case .stream(let announced, _): length = announced
    }
    shim_curl_set_long(handle, CURLOPT_UPLOAD, 1)
    // A kept connection may turn out to be closed, and a body cannot be sent a second time.
    shim_curl_set_long(handle, CURLOPT_FRESH_CONNECT, 1)
    if let length { shim_curl_set_size(handle, CURLOPT_INFILESIZE_LARGE, Int(length)) }
    shim_curl_set_data(handle, CURLOPT_READFUNCTION) { buffer, size, count, context in
      CurlTransfer.from(context).provide(buffer, size * count)
    }
  }

  private static func milliseconds(_ duration: Duration) -> Int {
    let (seconds, attoseconds) = duration.components
    let whole = min(max(seconds, 0), 1 << 30)  // 34 years, far below overflow
    return max(1, Int(whole) * 1_000 + Int(attoseconds / 1_000_000_000_000_000))
  }

  // MARK: Callbacks

  private static func from(_ context: UnsafeMutableRawPointer?) -> CurlTransfer {
    guard let context else { preconditionFailure("libcurl lost its context") }
    return Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
  }

  /// Any count but `count` makes libcurl stop.
  private func receive(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
    let piece = Bytes(UnsafeRawBufferPointer(start: bytes, count: count))
    received += count
    lastMoved = clock.now
    do {
      guard received <= request.responseBytesMax else {
        throw HTTPClientError.responseTooLarge(max: request.responseBytesMax)
      }
      if let sink, (200..<300).contains(shim_curl_status(handle)) {
        try sink(piece)
      } else {
        body.append(contentsOf: piece)
      }
      return count
    } catch {
      failure = error
      return count &+ 1
    }
  }

  private func receiveHeader(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
    headBytes += count
    lastMoved = clock.now
    guard headBytes <= Self.headBytesMax else {
      failure = HTTPClientError.malformedResponse("its head is too long")
      return 0
    }
    let line = UnsafeRawBufferPointer(start: bytes, count: count)
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
      if line.starts(with: "HTTP/".utf8) { headers = [:] }  // `100 Continue` came before
      return count
    }
    let name = line[..<colon]
    guard !name.isEmpty, name.allSatisfy(HTTPSyntax.isToken) else { return count }
    let value = String(decoding: line[(colon + 1)...], as: UTF8.self)
    headers.append(String(decoding: name, as: UTF8.self), Self.trimmed(value))
    return count
  }

  private static func trimmed(_ text: String) -> String {
    let isBlank: (Character) -> Bool = { $0.isWhitespace }
    let start = text.drop(while: isBlank)
    guard let end = start.lastIndex(where: { !isBlank($0) }) else { return "" }
    return String(start[...end])
  }

  private func provide(_ buffer: UnsafeMutablePointer<CChar>?, _ countMax: Int) -> Int {
    do {
      if sentCount == toSend.count, case .stream(_, let next) = request.body {
        toSend = try next(countMax)
        sentCount = 0
      }
    } catch {
      failure = error
      return Int(CURL_READFUNC_ABORT)
    }
    let count = min(countMax, toSend.count - sentCount)
    let target = UnsafeMutableRawBufferPointer(start: buffer, count: count)
    target.copyBytes(from: toSend[sentCount..<(sentCount + count)])
    sentCount += count
    lastMoved = clock.now
    return count
  }

  private var place: String { request.unixSocketPath ?? request.url }

  private func error(for code: CURLcode) -> HTTPClientError {
    let reason = String(cString: shim_curl_reason(code))
    return switch code {
    case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL: .malformedURL(request.url)
    case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .nameUnknown(place)
    case CURLE_COULDNT_CONNECT: .unreachable(place)
    case CURLE_OPERATION_TIMEDOUT: .timedOut(place)
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE: .certificateRefused(reason)
    case CURLE_ABORTED_BY_CALLBACK: .cancelled
    case CURLE_WEIRD_SERVER_REPLY, CURLE_GOT_NOTHING: .malformedResponse(reason)
    default: .broken(reason)
    }
  }
}
