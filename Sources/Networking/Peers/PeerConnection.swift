package import Cryptography
import Peering
import Primitives

/// One connection to a peer: moves bytes between a socket and its `ConnectionMachine`, and wakes
/// the tasks that read and write streams. Lives on the loop.
package actor PeerConnection {
  /// Tasks that wait on a stream, and bytes that were taken out of the machine for them.
  struct StreamState {
    let protocolID: String
    var unread = ByteQueue()
    var reader: UnsafeContinuation<Void, Never>?
    var writer: UnsafeContinuation<Void, Never>?
    var failure: PeerError?
    /// The task that answers the call, so that a reset can cancel it.
    var answering: UnsafeCurrentTask?

    init(protocolID: String) {
      self.protocolID = protocolID
    }
  }

  enum State {
    case handshaking([UnsafeContinuation<Void, Never>])
    case open
    case closed(PeerError)
  }

  /// The loop everything of the connection runs on.
  package nonisolated let loop: EventLoop
  /// Where the other side is.
  package nonisolated let remoteAddress: SocketAddress
  /// Whether we dialled.
  package nonisolated let isOutgoing: Bool
  nonisolated let socket: Socket
  nonisolated let nursery: LoopNursery
  nonisolated let services: PeerServices
  nonisolated package var unownedExecutor: UnownedSerialExecutor {
    loop.asUnownedSerialExecutor()
  }

  var machine: ConnectionMachine
  var streams: [UInt32: StreamState] = [:]
  var inboundCalls = 0
  /// Bytes that were taken out of the machine and are not yet a whole message, on all streams.
  var unreadBytes = 0
  /// What the time between two chunks of a streamed body may be, and for which method.
  var chunkDeadlines: [UInt32: (method: String, time: Duration)] = [:]
  var state = State.handshaking([])
  private var events: [ConnectionEvent] = []
  /// Streams whose writers wait for the socket or for a window.
  var blockedWriters: [UInt32] = []
  var flushIsScheduled = false
  var writeBlock: UnsafeContinuation<Void, Never>?
  private var closeWaiters: [UnsafeContinuation<Void, Never>] = []
  var lastHeard: Tick
  var keepAlive: TimerToken?
  var pings: [UInt32: UnsafeContinuation<Void, Never>] = [:]
  var nextPing: UInt32 = 0

  init(
    machine: ConnectionMachine, socket: Socket, isOutgoing: Bool, nursery: LoopNursery,
    services: PeerServices
  ) {
    self.machine = machine
    self.socket = socket
    self.isOutgoing = isOutgoing
    self.nursery = nursery
    self.services = services
    loop = socket.loop
    remoteAddress = socket.remoteAddress
    lastHeard = socket.loop.now
  }

  /// The proven identity of the other side; nil only during the handshake.
  package var provenPeer: PeerID? { machine.remotePeer }

  /// Why the connection ended, or nil while it lives.
  package var closeReason: PeerError? {
    if case .closed(let reason) = state { reason } else { nil }
  }

  // MARK: Life

  /// Serves the connection until it ends.
  func run() async {
    flushNow()
    let timeout = loop.schedule(after: services.timeouts.handshake) { [weak self] in
      self?.assumeIsolated { $0.handshakeTimedOut() }
    }
    await withTaskCancellationHandler {
      await withDiscardingTaskGroup { group in
        group.addTask { await self.write() }
        await read()
      }
    } onCancel: {
      loop.execute { self.assumeIsolated { $0.end(.closed) } }
    }
    loop.cancel(timeout)
  }

  /// Suspends until the handshake is over; throws why it failed.
  func established() async throws(PeerError) {
    await withUnsafeContinuation { continuation in
      guard case .handshaking(let waiters) = state else { return continuation.resume() }
      state = .handshaking(waiters + [continuation])
    }
    if case .closed(let reason) = state { throw reason }
  }

  /// Suspends until the connection has ended; returns why, or `cancelled` when the task was.
  @discardableResult
  package func waitUntilClosed() async -> PeerError {
    while closeReason == nil, !Task.isCancelled {
      await withTaskCancellationHandler {
        await withUnsafeContinuation { continuation in
          closeWaiters.append(continuation)
          if closeReason != nil || Task.isCancelled { wakeCloseWaiters() }
        }
      } onCancel: {
        loop.execute { self.assumeIsolated { $0.wakeCloseWaiters() } }
      }
    }
    return closeReason ?? .cancelled
  }

  /// Each waiter looks again at what it waits for.
  private func wakeCloseWaiters() {
    let waiters = closeWaiters
    closeWaiters = []
    for waiter in waiters { waiter.resume() }
  }

  /// Says goodbye and ends the connection; calls in flight throw `PeerError.closed`.
  package func close() {
    guard closeReason == nil else { return }
    machine.close()
    flushNow()
    end(.closed)
  }

  private func handshakeTimedOut() {
    if case .handshaking = state { end(.handshakeTimedOut) }
  }

  func end(_ reason: PeerError) {
    guard closeReason == nil else { return }
    var waiters: [UnsafeContinuation<Void, Never>] = []
    if case .handshaking(let handshaking) = state { waiters = handshaking }
    state = .closed(reason)
    wakeCloseWaiters()
    socket.close()
    if let keepAlive { loop.cancel(keepAlive) }
    for stream in streams.keys { fail(stream, reason) }
    for ping in pings.values { ping.resume() }
    pings = [:]
    unblockWriter()
    for waiter in waiters { waiter.resume() }
  }

  // MARK: Reading the socket

  private func read() async {
    while closeReason == nil {
      do throws(SocketError) {
        guard try readTurn() else {
          try await socket.descriptor.wait(for: .reading)
          continue
        }
        await Task.yield()
      } catch {
        end(error == .closed || error == .reset ? .closed : .socket(error))
      }
    }
  }

  /// Reads and handles what is there; returns whether there may be more.
  private func readTurn() throws(SocketError) -> Bool {
    var total = 0
    var mayHaveMore = true
    while mayHaveMore, total < PeerLimits.readTurnBytes {
      var outcome: Result<Int?, SocketError> = .success(nil)
      var offered = 0
      let count = machine.inbox.write(atLeast: PeerLimits.readBytesMin) { target in
        offered = target.count
        outcome = Result { () throws(SocketError) in try socket.readNow(into: target) }
        return (try? outcome.get()) ?? 0
      }
      guard let read = try outcome.get() else { return false }
      guard read > 0 else {
        end(.closed)
        return false
      }
      total += count
      mayHaveMore = count == offered
      lastHeard = loop.now
      handleReceived()
      if closeReason != nil { return false }
    }
    return mayHaveMore
  }

  private func handleReceived() {
    let outcome = Result { () throws(PeeringError) in try machine.receive(events: &events) }
    for event in events { handle(event) }
    events.removeAll(keepingCapacity: true)
    flushNow()
    if case .failure(let error) = outcome { end(.peering(error)) }
  }

  private func handle(_ event: ConnectionEvent) {
    switch event {
    case .established:
      becomeOpen()
    case .accepted(let stream, let protocolIndex):
      accept(stream, protocolIndex: protocolIndex)
    case .refused(let stream):
      fail(stream, .protocolRefused(streams[stream]?.protocolID ?? ""))
    case .readable(let stream):
      wakeReader(stream)
    case .writable(let stream):
      wakeWriter(stream)
    case .reset(let stream):
      fail(stream, .streamReset)
    case .pong(let opaque):
      pings.removeValue(forKey: opaque)?.resume()
    case .goAway:
      break  // the other side closes its socket next, or sends what it still has to
    }
  }

  private func becomeOpen() {
    guard case .handshaking(let waiters) = state else { return }
    state = .open
    scheduleKeepAlive()
    for waiter in waiters { waiter.resume() }
  }

  private func accept(_ stream: UInt32, protocolIndex: Int) {
    streams[stream] = StreamState(protocolID: PeerServices.protocols[protocolIndex])
    let began = nursery.begin { await self.serve(stream) }
    if !began { reset(stream) }
  }
}
