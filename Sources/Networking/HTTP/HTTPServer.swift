internal import CShim
internal import Glibc
internal import Primitives

/// An HTTP/1.1 server on one event loop: one task a connection, no task a request.
package final class HTTPServer: Sendable {
  /// Answers one request; runs on the loop until it awaits something that lives elsewhere.
  package typealias Handler =
    nonisolated(nonsending) @Sendable (HTTPRequest) async -> HTTPResponse

  /// The loop that everything of the server is confined to.
  package let loop: EventLoop
  /// The bounds it keeps.
  package let limits: HTTPLimits
  private let hosts: HTTPHostPolicy
  private let handler: Handler
  private let isolation: LoopIsolation

  private struct Endpoint {
    var listener: SocketListener
    var identity: TLSIdentity?
  }

  // Confined to the loop's thread.
  private nonisolated(unsafe) var endpoints: [Endpoint] = []
  private nonisolated(unsafe) var connections: [ObjectIdentifier: HTTPConnection] = [:]
  private nonisolated(unsafe) var dateSecond: Int64 = -1
  private nonisolated(unsafe) var dateText = Bytes()
  /// Finished when a shutdown's grace is over: what still runs is cancelled.
  private let abandonment = Sleeper()
  private(set) nonisolated(unsafe) var isShuttingDown = false

  /// A server that answers with `handler` every request whose Host and Origin `hosts` allows.
  package init(
    loop: EventLoop, limits: HTTPLimits = HTTPLimits(), hosts: HTTPHostPolicy = .any,
    handler: @escaping Handler
  ) {
    self.loop = loop
    self.limits = limits
    self.hosts = hosts
    self.handler = handler
    isolation = LoopIsolation(loop)
  }

  /// Binds an address and returns it with the real port; `run()` serves it.
  @discardableResult
  package func listen(
    on address: SocketAddress, tls identity: TLSIdentity? = nil
  ) async throws(SocketError) -> SocketAddress {
    try await loop.perform { () async throws(SocketError) in
      let listener = try SocketListener(at: address, on: self.loop)
      self.endpoints.append(Endpoint(listener: listener, identity: identity))
      return listener.address
    }
  }

  /// Serves until `shutdown` has ended, or until the calling task is cancelled.
  package func run() async throws {
    try await loop.perform {
      defer { self.closeListeners() }
      try await self.serveEndpoints()
    }
  }

  private nonisolated(nonsending) func serveEndpoints() async throws {
    enum End { case accepting, abandoned }
    try await withThrowingTaskGroup(of: End.self) { group in
      for endpoint in endpoints {
        group.addTask {
          try await self.accept(at: endpoint)
          return .accepting
        }
      }
      group.addTask {
        await self.abandonment.wait(on: self.loop)
        return .abandoned
      }
      defer { group.cancelAll() }
      var accepting = endpoints.count
      while accepting > 0, case .accepting? = try await group.next() { accepting -= 1 }
    }
  }

  /// Stops accepting, lets running requests end within `grace`, then cancels the rest.
  package func shutdown(within grace: Duration) async {
    await loop.perform {
      self.isShuttingDown = true
      self.closeListeners()
      for connection in self.connections.values where connection.isIdle {
        connection.transport.close()
      }
      let deadline = self.loop.now.advanced(by: grace)
      while !self.connections.isEmpty, self.loop.now < deadline {
        try? await self.loop.sleep(for: .milliseconds(20))
        if Task.isCancelled { break }
      }
      self.abandonment.finish()
    }
  }

  private func closeListeners() {
    for endpoint in endpoints { endpoint.listener.close() }
  }

  // MARK: Connections

  private nonisolated(nonsending) func accept(at endpoint: Endpoint) async throws {
    try await withThrowingDiscardingTaskGroup { group in
      while !isShuttingDown {
        do throws(SocketError) {
          let socket = Socket(try await endpoint.listener.accept(), on: loop)
          if connections.count < limits.connectionsMax {
            group.addTask { await self.serve(socket, endpoint.identity) }
          } else {
            refuse(socket)
          }
        } catch .closed where isShuttingDown {
          return  // the group still waits for the connections
        }
      }
    }
  }

  private func refuse(_ socket: Socket) {
    let text = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    _ = try? socket.writeNow(Bytes(text.utf8), from: 0)
    socket.close()
  }

  private func serve(_ socket: Socket, _ identity: TLSIdentity?) async {
    guard let transport = await open(socket, identity) else { return socket.close() }
    let connection = HTTPConnection(transport, of: self)
    connections[ObjectIdentifier(connection)] = connection
    await isolation.serve(connection)
    connections[ObjectIdentifier(connection)] = nil
  }

  private nonisolated(nonsending) func open(
    _ socket: Socket, _ identity: TLSIdentity?
  ) async -> HTTPTransport? {
    guard let identity else { return .plain(socket) }
    do {
      let session = try TLSSocket(socket, context: identity.context())
      try await session.handshake(deadline: loop.now.advanced(by: limits.handshakeTimeout))
      return .encrypted(session)
    } catch {
      return nil  // nobody we could talk to
    }
  }

  // MARK: Answers

  nonisolated(nonsending) func answer(_ request: HTTPRequest) async -> HTTPResponse {
    if let refusal = hosts.refusal(of: request) { return refusal }
    return await handler(request)
  }

  /// The Date field's text, made once a second.
  func date() -> Bytes {
    let second = shim_wall_seconds()
    if second != dateSecond {
      dateSecond = second
      dateText = Bytes(HTTPDate.text(secondsSince1970: second).utf8)
    }
    return dateText
  }
}

extension LoopIsolation {
  fileprivate func serve(_ connection: HTTPConnection) async {
    await connection.serve()
  }
}
