internal import Primitives

/// One client's connection: requests one after another, each answered before the next is read.
///
/// Confined to the loop. Pipelined requests wait in the input buffer (one read at most) or, beyond
/// that, in the kernel.
final class HTTPConnection: Sendable {
  /// Read at once while looking for a head: a whole usual request, or a few pipelined ones.
  private static let headReadBytes = 16_384

  enum Failure: Error {
    case parse(HTTPParseError)
    case headTooSlow
  }

  let transport: HTTPTransport
  let loop: EventLoop
  let server: HTTPServer
  var limits: HTTPLimits { server.limits }

  // Confined to the loop's thread; methods in the extensions check through the socket's calls.
  private nonisolated(unsafe) var parser: HTTPHeadParser
  private nonisolated(unsafe) var input = Bytes()
  private nonisolated(unsafe) var inputStart = 0
  nonisolated(unsafe) var output = Bytes()
  nonisolated(unsafe) var outputStart = 0
  nonisolated(unsafe) var isWriting = false
  nonisolated(unsafe) var bodyMode = BodyMode.none
  /// Fields behind the last chunk of the running response.
  nonisolated(unsafe) var trailers = HTTPHeaders()
  private nonisolated(unsafe) var decoder = HTTPBodyDecoder(framing: .none, bodyBytesMax: 0)
  private nonisolated(unsafe) var owesContinue = false
  private nonisolated(unsafe) var bodyReceived = 0
  private nonisolated(unsafe) var bodyWaited = Duration.zero
  private nonisolated(unsafe) var isBodyBroken = false
  /// Whether it waits for the first byte of a request, so that a shutdown may close it.
  private(set) nonisolated(unsafe) var isIdle = true

  init(_ transport: HTTPTransport, of server: HTTPServer) {
    self.transport = transport
    self.server = server
    loop = transport.socket.loop
    parser = HTTPHeadParser(limits: server.limits)
  }

  /// Serves requests until either side has had enough.
  nonisolated(nonsending) func serve() async {
    do {
      while let head = try await nextHead() {
        guard try await respond(to: head) else { break }
      }
    } catch Failure.parse(let error) {
      await refuse(error.status, "\(error)")
    } catch Failure.headTooSlow {
      await refuse(.requestTimeout, "the request's head took too long")
    } catch {
      // The connection is gone or its bytes cannot be trusted: there is nobody to tell.
    }
    transport.close()
  }

  // MARK: Reading heads

  /// The next request's head; nil when the client closes or idles too long between requests.
  private nonisolated(nonsending) func nextHead() async throws -> HTTPRequestHead? {
    var deadline: Tick?
    while true {
      if inputStart < input.count {
        if let head = try takeHead() { return head }
        if deadline == nil { deadline = loop.now.advanced(by: limits.headTimeout) }
      } else if server.isShuttingDown {
        return nil
      }
      isIdle = deadline == nil
      defer { isIdle = false }
      do {
        let wait = deadline ?? loop.now.advanced(by: limits.idleTimeout)
        guard try await fill(Self.headReadBytes, deadline: wait) else { return nil }
      } catch SocketError.timedOut {
        if deadline == nil { return nil }
        throw Failure.headTooSlow
      }
    }
  }

  private func takeHead() throws -> HTTPRequestHead? {
    let input = self.input
    do {
      let found = try input.span.bytes.withUnsafeBytes { all throws(HTTPParseError) in
        try parser.parse(UnsafeRawBufferPointer(rebasing: all[inputStart...]))
      }
      guard let found else { return nil }
      inputStart += found.byteCount
      return found.head
    } catch {
      throw Failure.parse(error)
    }
  }

  /// Waits for at least one byte; false at the end of the stream.
  private nonisolated(nonsending) func fill(_ countMax: Int, deadline: Tick) async throws -> Bool {
    if inputStart == input.count {
      input.removeAll(keepingCapacity: true)
      inputStart = 0
    }
    while true {
      if let count = try transport.readNow(appendingTo: &input, atMost: countMax) {
        return count > 0
      }
      try await transport.socket.descriptor.wait(for: .reading, deadline: deadline)
    }
  }

  // MARK: Reading bodies

  /// Prepares the body of the request whose head was just read.
  func beginBody(of head: HTTPRequestHead) -> HTTPBody {
    decoder = HTTPBodyDecoder(framing: head.framing, bodyBytesMax: limits.bodyBytesMax)
    guard head.framing != .none else { return HTTPBody(from: nil, announcedLength: 0) }
    owesContinue = head.expectsContinue
    bodyReceived = 0
    bodyWaited = .zero
    return HTTPBody(from: self, announcedLength: decoder.remainingLength)
  }

  nonisolated(nonsending) func nextBodyChunk() async throws(HTTPBodyError) -> Bytes? {
    while true {
      if isBodyBroken { throw .disconnected }
      do {
        if let payload = try takePayload() { return payload }
      } catch {
        isBodyBroken = true
        if case .bodyTooLarge(let max) = error { throw .tooLarge(max: max) }
        throw .malformed(error)
      }
      if decoder.isFinished { return nil }
      do {
        try await receiveBody()
      } catch SocketError.timedOut {
        isBodyBroken = true
        throw .tooSlow
      } catch {
        isBodyBroken = true
        throw .disconnected
      }
    }
  }

  private nonisolated(nonsending) func receiveBody() async throws {
    if owesContinue {
      owesContinue = false
      output.append(contentsOf: "HTTP/1.1 100 Continue\r\n\r\n".utf8)
      try await flush()
    }
    // The client's allowance counts only our waiting, so a slow handler is not held against it.
    let earned = Duration.seconds(bodyReceived / limits.bodyBytesPerSecondMin)
    let began = loop.now
    let deadline = began.advanced(by: limits.bodyGrace + earned - bodyWaited)
    guard try await fill(Socket.readBytesMax, deadline: deadline) else {
      throw SocketError.closed
    }
    bodyWaited += loop.now.duration(since: began)
  }

  /// The payload of what has been read, nil where there is none.
  private func takePayload() throws(HTTPParseError) -> Bytes? {
    var payload = Bytes()
    let input = self.input
    while inputStart < input.count, !decoder.isFinished {
      let step = try input.span.bytes.withUnsafeBytes { all throws(HTTPParseError) in
        let rest = UnsafeRawBufferPointer(rebasing: all[inputStart...])
        let step = try decoder.decode(rest)
        payload.append(contentsOf: UnsafeRawBufferPointer(rebasing: rest[step.payload]))
        return step.consumed
      }
      inputStart += step
    }
    bodyReceived += payload.count
    return payload.isEmpty ? nil : payload
  }

  // MARK: What the handler left unread

  /// Whether the next request can be found once the rest of this body has been thrown away.
  func canDrainBody() -> Bool {
    if isBodyBroken || owesContinue { return decoder.isFinished }
    guard let remaining = decoder.remainingLength else { return false }
    return remaining <= limits.drainBytesMax
  }

  /// Whether the client may still be sending what nobody will read.
  var hasUnreadBody: Bool { !decoder.isFinished }

  nonisolated(nonsending) func drainBody() async throws {
    while try await nextBodyChunk() != nil {}
  }

  /// Reads on for a moment before closing: closing with unread input would reset the connection
  /// and could destroy the response on its way.
  nonisolated(nonsending) func linger() async {
    transport.finishWriting()
    let deadline = loop.now.advanced(by: limits.lingerTimeout)
    while true {
      inputStart = input.count
      guard (try? await fill(Socket.readBytesMax, deadline: deadline)) == true,
        loop.now < deadline
      else { return }
    }
  }
}
