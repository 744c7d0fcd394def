import Peering
package import Primitives

// MARK: - Calling

extension PeerConnection {
  /// Calls a method of the peer and returns its result.
  ///
  /// Throws `PeerError.refused` for an answer that is an error, and `deadlineExceeded` when none
  /// came in time; the other side's work is then cancelled.
  package func request(
    method: String, body: Bytes = [], deadline: Duration = .seconds(10)
  ) async throws(PeerError) -> Bytes {
    let call = RPCRequest(method: method, body: body, deadline: deadline)
    let (stream, result, _) = try await exchange(call) { _ in }
    release(stream)
    return result
  }

  /// Calls a method whose result is followed by a body in chunks.
  ///
  /// The deadline holds for the result, and again for each chunk.
  package func requestStream(
    method: String, body: Bytes = [], deadline: Duration = .seconds(10)
  ) async throws(PeerError) -> RPCBodyReader {
    let call = RPCRequest(method: method, body: body, deadline: deadline)
    let (stream, head, isStreamed) = try await exchange(call) { _ in }
    guard isStreamed else {
      reset(stream)
      throw .peering(.malformedRPC("`\(method)` answered without a body"))
    }
    chunkDeadlines[stream] = (method, deadline)
    return RPCBodyReader(head: head, connection: self, stream: stream)
  }

  /// Calls a method with a body in chunks, which `sending` writes; returns the result.
  package func upload(
    method: String, body: Bytes = [], deadline: Duration = .seconds(60),
    sending: (RPCBodyWriter) async throws(PeerError) -> Void
  ) async throws(PeerError) -> Bytes {
    let call = RPCRequest(method: method, body: body, deadline: deadline, isStreamed: true)
    let (stream, result, _) = try await exchange(call, sending: sending)
    release(stream)
    return result
  }

  private func exchange(
    _ call: RPCRequest, sending: (RPCBodyWriter) async throws(PeerError) -> Void
  ) async throws(PeerError) -> (stream: UInt32, result: Bytes, isStreamed: Bool) {
    let stream = try open([RPCProtocol.protocolID])
    do throws(PeerError) {
      let response = try await withDeadline(call.deadline, method: call.method, on: stream) {
        () async throws(PeerError) in
        try await self.writeFrame(call.encoded(), to: stream)
        if call.isStreamed {
          try await sending(RPCBodyWriter(connection: self, stream: stream))
          try await self.writeFrame([], to: stream)
        }
        self.finish(stream)
        return try await self.readResponse(from: stream)
      }
      switch response {
      case .success(let body, let isStreamed): return (stream, body, isStreamed)
      case .failure(let error): throw .refused(error)
      }
    } catch {
      reset(stream)
      throw error
    }
  }

  private func readResponse(from stream: UInt32) async throws(PeerError) -> RPCResponse {
    guard let frame = try await readFrame(from: stream, limit: RPCLimits.messageBytesMax) else {
      throw .streamEnded
    }
    do { return try RPCFraming.response(frame) } catch { throw .peering(error) }
  }

  /// The next chunk of a streamed body, or nil at its end.
  func nextChunk(from stream: UInt32) async throws(PeerError) -> Bytes? {
    let (method, deadline) = chunkDeadlines[stream] ?? ("", timeouts.silence)
    let chunk = try await withDeadline(deadline, method: method, on: stream) {
      () async throws(PeerError) in
      try await self.readFrame(from: stream, limit: RPCLimits.chunkBytesMax)
    }
    guard let chunk else { throw .streamEnded }
    return chunk.isEmpty ? nil : chunk
  }

  /// Fails the stream when `deadline` passes or the task is cancelled while `body` runs.
  func withDeadline<Result>(
    _ deadline: Duration, method: String, on stream: UInt32,
    _ body: () async throws(PeerError) -> Result
  ) async throws(PeerError) -> Result {
    let timer = loop.schedule(after: deadline) { [weak self] in
      self?.assumeIsolated {
        $0.fail(stream, .deadlineExceeded(method: method, after: deadline))
      }
    }
    defer { loop.cancel(timer) }
    let outcome = await withTaskCancellationHandler {
      do throws(PeerError) {
        return Swift.Result<Result, PeerError>.success(try await body())
      } catch {
        return .failure(error)
      }
    } onCancel: {
      loop.execute { self.assumeIsolated { $0.fail(stream, .cancelled) } }
    }
    return try outcome.get()
  }
}

// MARK: - Answering

extension StreamProtocol {
  /// Calls, answered by `handler`. A peer with too many calls is told so: its streams are not cut.
  package static func rpc(_ handler: @escaping RPCHandler) -> StreamProtocol {
    StreamProtocol(
      RPCProtocol.protocolID,
      limits: StreamLimits(
        inboundPerPeerMax: PeerLimits.rpcStreamsPerPeerMax,
        inboundMax: PeerLimits.rpcStreamsMax)
    ) { stream in
      try await stream.connection.serve(stream.number, handler)
    }
  }
}

extension PeerConnection {
  /// Answers one call.
  func serve(_ stream: UInt32, _ handler: RPCHandler) async throws(PeerError) {
    guard let peer = machine.remotePeer else { throw .closed }
    inboundCalls += 1
    defer { inboundCalls -= 1 }
    guard inboundCalls <= RPCLimits.inboundCallsMax else {
      let busy = RPCError(
        code: "busy", message: "more than \(RPCLimits.inboundCallsMax) calls at once",
        hint: "wait for answers before asking more")
      return try await answer(.failure(busy), on: stream)
    }
    guard let request = try await readRequest(from: stream) else { return }
    let call = RPCCall(peer: peer, request: request, connection: self, stream: stream)
    chunkDeadlines[stream] = (request.method, request.deadline)
    let answer = await handle(call, handler)
    try await self.answer(answer, on: stream)
  }

  private func readRequest(from stream: UInt32) async throws(PeerError) -> RPCRequest? {
    let frame = try await withDeadline(timeouts.handshake, method: "", on: stream) {
      () async throws(PeerError) in
      try await self.readFrame(from: stream, limit: RPCLimits.messageBytesMax)
    }
    guard let frame else { return nil }
    do { return try RPCFraming.request(frame) } catch { throw .peering(error) }
  }

  /// Runs the handler in a task that the stream's failure or the deadline cancels.
  private func handle(_ call: RPCCall, _ handler: RPCHandler) async -> RPCAnswer {
    let stream = call.stream
    let timer = loop.schedule(after: call.request.deadline) { [weak self] in
      self?.assumeIsolated {
        $0.fail(
          stream,
          .deadlineExceeded(method: call.request.method, after: call.request.deadline))
      }
    }
    withUnsafeCurrentTask { streams[stream]?.answering = $0 }
    let answer = await handler(call)
    streams[stream]?.answering = nil
    loop.cancel(timer)
    return answer
  }

  private func answer(_ answer: RPCAnswer, on stream: UInt32) async throws(PeerError) {
    try await writeFrame(answer.response.encoded(), to: stream)
    if case .streamed(_, let body) = answer {
      do {
        try await body(RPCBodyWriter(connection: self, stream: stream))
      } catch {
        throw .streamReset
      }
      try await writeFrame([], to: stream)
    }
  }
}
