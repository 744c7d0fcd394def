package import Cryptography
import Peering
import Primitives

/// One connection to a peer: moves bytes between a socket and its `ConnectionMachine`, and wakes
/// the tasks that read and write streams. Lives on the loop.
package actor PeerConnection {
  /// Tasks that wait on a stream.
  struct StreamState {
    /// The protocol, or the proposed ones until one is agreed.
    var protocolID: String
    /// Whether the other side has agreed to the protocol.
    var isAgreed: Bool
    /// Whether the other side opened it and the host's budget counts it.
    let isCounted: Bool
    var traffic = Traffic()
    var reader: UnsafeContinuation<Void, Never>?
    var writer: UnsafeContinuation<Void, Never>?
    var failure: PeerError?
    /// The task that answers the call, so that a reset can cancel it.
    var answering: UnsafeCurrentTask?

    init(protocolID: String, isInbound: Bool) {
      self.protocolID = protocolID
      isAgreed = isInbound
      isCounted = isInbound
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
  /// Who dialled.
  nonisolated let direction: Peering.Direction
  /// Whether we dialled.
  package nonisolated var isOutgoing: Bool { direction == .outbound }
  /// Whether streams of other connections carry it: its socket then has no address.
  package nonisolated var isRelayed: Bool { remoteAddress.multiaddr == nil }
  nonisolated let addressGroup: UInt64
  nonisolated let socket: Socket
  /// Holds the connection for as long as it is open, and is held by it.
  nonisolated let host: PeerHost
  nonisolated var timeouts: PeerTimeouts { host.settings.timeouts }
  nonisolated package var unownedExecutor: UnownedSerialExecutor {
    loop.asUnownedSerialExecutor()
  }

  var machine: ConnectionMachine
  /// The layer around everything else in a private network.
  var privacy: PrivateNetworkCipher?
  var streams: [UInt32: StreamState] = [:]
  var inboundCalls = 0
  /// What the time between two chunks of a streamed body may be, and for which method.
  var chunkDeadlines: [UInt32: (method: String, time: Duration)] = [:]
  var state = State.handshaking([])
  private var events: [ConnectionEvent] = []
  /// Streams whose writers wait for the socket or for a window.
  var blockedWriters: [UInt32] = []
  var flushIsScheduled = false
  var writeBlock: UnsafeContinuation<Void, Never>?
  private var closeWaiters: [UnsafeContinuation<Void, Never>] = []
  /// Who waits until the peer was asked what it is; nil once it was.
  var identifyWaiters: [UnsafeContinuation<Void, Never>]? = []
  var lastHeard: Tick
  var keepAlive: TimerToken?
  var pings: [UInt32: UnsafeContinuation<Void, Never>] = [:]
  var nextPing: UInt32 = 0

  /// The peer whose connection the host's budget counts this one as.
  var countedPeer: PeerID?
  /// Bytes the host's budget counts for this connection.
  var heldBytes = 0
  /// Bytes over the socket.
  var traffic = Traffic()
  /// When the last stream was opened or ended.
  var lastStream: Tick

  init(
    machine: ConnectionMachine, socket: Socket, direction: Peering.Direction,
    addressGroup: UInt64, host: PeerHost, privacy: PrivateNetworkCipher? = nil
  ) {
    self.machine = machine
    self.privacy = privacy
    self.socket = socket
    self.direction = direction
    self.addressGroup = addressGroup
    self.host = host
    loop = socket.loop
    remoteAddress = socket.remoteAddress
    lastHeard = socket.loop.now
    lastStream = socket.loop.now
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
    let timeout = loop.schedule(after: timeouts.handshake) { [weak self] in
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

  /// Ends a connection whose dialer no longer wants it.
  func giveUpHandshake() {
    if case .handshaking = state { end(.cancelled) }
  }

  func end(_ reason: PeerError) {
    guard closeReason == nil else { return }
    var waiters: [UnsafeContinuation<Void, Never>] = []
    if case .handshaking(let handshaking) = state { waiters = handshaking }
    state = .closed(reason)
    wakeCloseWaiters()
    identificationEnded()
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
      if let pause = readingPause() {
        guard (try? await loop.sleep(for: pause)) != nil else { return }
        continue
      }
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
    let buffer = host.readBuffer.bytes
    var total = 0
    var mayHaveMore = true
    while mayHaveMore, total < PeerLimits.readTurnBytes {
      guard let count = try socket.readNow(into: buffer) else { return false }
      guard count > 0 else {
        end(.closed)
        return false
      }
      total += count
      self.count(received: count)
      mayHaveMore = count == buffer.count
      lastHeard = loop.now
      let received = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
      handle(privacy?.open(received) ?? received)
      if closeReason != nil { return false }
    }
    return mayHaveMore
  }

  private func handle(_ received: UnsafeMutableRawBufferPointer) {
    machine.now = lastHeard
    let outcome = Result { () throws(PeeringError) in
      try machine.receive(received, events: &events)
    }
    for event in events { handle(event) }
    events.removeAll(keepingCapacity: true)
    flushNow()
    if case .failure(let error) = outcome { end(.peering(error)) }
    countMemory()
  }

  private func handle(_ event: ConnectionEvent) {
    switch event {
    case .established:
      becomeOpen()
    case .accepted(let stream, let protocolID):
      accept(stream, protocolID: protocolID)
    case .agreed(let stream, let protocolID):
      streams[stream]?.protocolID = protocolID
      streams[stream]?.isAgreed = true
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
    guard case .handshaking(let waiters) = state, let peer = machine.remotePeer else { return }
    if let refusal = host.assumeIsolated({ $0.proven(self, as: peer) }) {
      machine.close()
      flushNow()
      return end(refusal)
    }
    countedPeer = peer
    state = .open
    scheduleKeepAlive()
    for waiter in waiters { waiter.resume() }
    guard host.settings.identifiesPeers else { return identificationEnded() }
    let began = host.nursery.begin {
      await self.host.learn(from: self)
      await self.identificationEnded()
    }
    if !began { identificationEnded() }
  }
}
