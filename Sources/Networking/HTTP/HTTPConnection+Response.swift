internal import Primitives

/// A handler did what the response's framing cannot carry.
package enum HTTPWriteError: Error, Equatable {
  case concurrentWrite
  case lengthExceeded
  case lengthFallenShort(missing: Int)
  case clientGone
}

extension HTTPConnection {
  /// How the running response's body goes onto the wire.
  enum BodyMode {
    case none
    case chunked(isBuffered: Bool)
    case length(remaining: Int)
    case untilClose(isBuffered: Bool)
  }

  /// Streamed pieces are gathered up to this before a send: one TLS record's worth.
  private static var gatherBytes: Int { 16_384 }
  /// How often a streaming response looks whether its client has gone.
  private static var presenceInterval: Duration { .seconds(1) }

  /// Answers one request; false when the connection must end.
  nonisolated(nonsending) func respond(to head: HTTPRequestHead) async throws -> Bool {
    let request = HTTPRequest(
      head: head, body: beginBody(of: head), remoteAddress: transport.socket.remoteAddress,
      isEncrypted: isEncrypted)
    let response = await server.answer(request)
    let keepsAlive = head.keepsAlive && canDrainBody() && !server.isShuttingDown
    try await send(response, to: head, keepsAlive: keepsAlive)
    if keepsAlive {
      try await drainBody()
    } else if hasUnreadBody {
      await linger()
    }
    return keepsAlive
  }

  private var isEncrypted: Bool {
    if case .encrypted = transport { return true }
    return false
  }

  /// Answers bytes that are no request, and ends the connection.
  nonisolated(nonsending) func refuse(_ status: HTTPStatus, _ reason: String) async {
    let response = HTTPResponse.text(status, reason + "\n")
    beginHead(of: response, framing: .length(reason.utf8.count + 1), keepsAlive: false)
    if case .bytes(let bytes) = response.body { output.append(contentsOf: bytes) }
    guard (try? await flush()) != nil else { return }
    await linger()
  }

  // MARK: Sending

  private func beginHead(
    of response: HTTPResponse, framing: HTTPResponseEncoder.Framing, keepsAlive: Bool
  ) {
    HTTPResponseEncoder.appendHead(
      of: response, framing: framing, keepsAlive: keepsAlive, date: server.date(),
      to: &output)
  }

  private nonisolated(nonsending) func send(
    _ response: HTTPResponse, to head: HTTPRequestHead, keepsAlive: Bool
  ) async throws {
    let isHeadOnly = head.method == .head || response.status.hasNoBody
    switch response.body {
    case .bytes(let bytes):
      let framing: HTTPResponseEncoder.Framing =
        response.status.hasNoBody ? .none : .length(bytes.count)
      beginHead(of: response, framing: framing, keepsAlive: keepsAlive)
      if isHeadOnly { return try await flush() }
      try await sendComplete(bytes)
    case .stream(let length, let produce):
      let (framing, mode) = streamFraming(length, head, isBuffered: true)
      beginHead(of: response, framing: framing, keepsAlive: keepsAlive)
      if isHeadOnly { return try await flush() }
      try await stream(mode, heartbeat: nil, produce)
    case .events(let produce):
      let (framing, mode) = streamFraming(nil, head, isBuffered: false)
      beginHead(of: response, framing: framing, keepsAlive: keepsAlive)
      try await flush()
      if isHeadOnly { return }
      try await stream(mode, heartbeat: limits.eventHeartbeat, produce)
    }
  }

  private func streamFraming(
    _ length: Int?, _ head: HTTPRequestHead, isBuffered: Bool
  ) -> (HTTPResponseEncoder.Framing, BodyMode) {
    if let length { return (.length(length), .length(remaining: length)) }
    if head.isVersion11 { return (.chunked, .chunked(isBuffered: isBuffered)) }
    return (.untilClose, .untilClose(isBuffered: isBuffered))
  }

  private nonisolated(nonsending) func sendComplete(_ bytes: Bytes) async throws {
    if bytes.count <= Self.gatherBytes {
      output.append(contentsOf: bytes)
      return try await flush()
    }
    try await flush()
    output = bytes  // shared, not copied; the next response begins a new buffer
    try await flush()
    output = Bytes()
  }

  /// Sends all of `output`, waiting while the client is slow.
  nonisolated(nonsending) func flush() async throws {
    isWriting = true
    defer { isWriting = false }
    while true {
      if outputStart < output.count {
        let count = try transport.writeNow(output, from: outputStart)
        outputStart += count
        if outputStart < output.count, count > 0 { continue }
      }
      if outputStart == output.count {
        let isFlushed = try transport.flushNow()
        if isFlushed { break }
      }
      try await transport.socket.descriptor.wait(
        for: .writing, deadline: loop.now.advanced(by: limits.writeStallTimeout))
    }
    output.removeAll(keepingCapacity: true)
    outputStart = 0
  }

  // MARK: Streaming

  /// Runs the producer beside a look-out for the client's leaving, which cancels it.
  private nonisolated(nonsending) func stream(
    _ mode: BodyMode, heartbeat: Duration?, _ produce: @escaping HTTPResponse.Producer
  ) async throws {
    bodyMode = mode
    trailers = [:]
    defer { bodyMode = .none }
    do {
      try await withThrowingTaskGroup(of: Bool.self) { group in
        group.addTask {
          try await produce(HTTPBodyWriter(connection: self))
          return true
        }
        group.addTask {
          try await self.watchPresence(heartbeat: heartbeat)
          return false
        }
        defer { group.cancelAll() }
        while let isProducer = try await group.next(), !isProducer {}
      }
    } catch {
      // What was gathered still counts: the client sees how far the body came.
      if !(error is SocketError), !(error is HTTPWriteError) { try? await flush() }
      throw error
    }
    try await finishStream()
  }

  private nonisolated(nonsending) func finishStream() async throws {
    switch bodyMode {
    case .none, .untilClose: break
    case .chunked: HTTPResponseEncoder.appendLastChunk(trailers: trailers, to: &output)
    case .length(let remaining):
      guard remaining == 0 else { throw HTTPWriteError.lengthFallenShort(missing: remaining) }
    }
    try await flush()
  }

  nonisolated(nonsending) func writeBody(_ bytes: Bytes) async throws {
    guard !isWriting else { throw HTTPWriteError.concurrentWrite }
    guard !bytes.isEmpty else { return }
    var isBuffered = true
    switch bodyMode {
    case .none: throw HTTPWriteError.lengthExceeded
    case .chunked(let buffered):
      isBuffered = buffered
      HTTPResponseEncoder.appendChunk(bytes, to: &output)
    case .untilClose(let buffered):
      isBuffered = buffered
      output.append(contentsOf: bytes)
    case .length(let remaining):
      guard bytes.count <= remaining else { throw HTTPWriteError.lengthExceeded }
      bodyMode = .length(remaining: remaining - bytes.count)
      output.append(contentsOf: bytes)
    }
    if !isBuffered || output.count >= Self.gatherBytes { try await flush() }
  }

  /// Sends what streamed pieces have gathered.
  nonisolated(nonsending) func flushBody() async throws {
    guard !isWriting else { throw HTTPWriteError.concurrentWrite }
    if !output.isEmpty { try await flush() }
  }

  /// Throws when the client has closed its side or a heartbeat cannot be sent.
  private func watchPresence(heartbeat: Duration?) async throws {
    var lastBeat = loop.now
    while true {
      try await loop.sleep(for: Self.presenceInterval)
      guard !transport.socket.isAtEnd else { throw HTTPWriteError.clientGone }
      guard let heartbeat, loop.now >= lastBeat.advanced(by: heartbeat) else { continue }
      lastBeat = loop.now
      try beat()
    }
  }

  /// Sends a comment without ever waiting: the producer must find the connection free. Bytes that
  /// still wait are a sign of life by themselves.
  private func beat() throws {
    guard !isWriting, output.isEmpty else { return }
    let comment = Bytes(": alive\n\n".utf8)
    switch bodyMode {
    case .chunked: HTTPResponseEncoder.appendChunk(comment, to: &output)
    case .untilClose: output.append(contentsOf: comment)
    case .none, .length: return
    }
    outputStart = try transport.writeNow(output, from: 0)
    guard outputStart == output.count else { return }  // the next write sends the rest first
    output.removeAll(keepingCapacity: true)
    outputStart = 0
  }
}
