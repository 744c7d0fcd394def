import Cryptography
import Peering
import Primitives

/// One stream of a protocol to each member that we have something to say to, opened when needed and
/// kept. What cannot be delivered is lost: membership repeats what matters. Lives on the loop.
actor MemberStreams {
  private struct Outgoing {
    var queue: [Bytes] = []
    var queuedBytes = 0
    var writer: UnsafeContinuation<Void, Never>?
    var lastUse: Tick
    var isClosing = false
  }

  nonisolated let loop: EventLoop
  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  private nonisolated let host: PeerHost
  private nonisolated let protocolID: String
  private var peers: [PeerHandle: Outgoing] = [:]
  /// Frames that were not sent because a peer was slow or away.
  private(set) var dropped = 0

  init(host: PeerHost, protocolID: String) {
    loop = host.loop
    self.host = host
    self.protocolID = protocolID
  }

  /// Sends a frame when the peer is ready for it.
  func send(_ bytes: Bytes, to handle: PeerHandle) {
    if peers[handle] == nil {
      guard peers.count < MembershipLimits.streamsMax else {
        dropped += 1
        return
      }
      peers[handle] = Outgoing(lastUse: loop.now)
      let began = host.assumeIsolated { host in host.begin { await self.speak(to: handle) } }
      guard began else {
        peers[handle] = nil
        return
      }
    }
    peers[handle]?.queue.append(bytes)
    peers[handle]?.queuedBytes += bytes.count
    peers[handle]?.lastUse = loop.now
    while let waiting = peers[handle], waiting.queuedBytes > MembershipLimits.queueBytesMax,
      let oldest = waiting.queue.first
    {
      peers[handle]?.queue.removeFirst()
      peers[handle]?.queuedBytes -= oldest.count
      dropped += 1
    }
    wakeWriter(handle)
  }

  /// Closes the streams that nobody used for long.
  func closeIdle() {
    for (handle, outgoing) in peers
    where loop.now.duration(since: outgoing.lastUse) >= MembershipLimits.streamIdle {
      peers[handle]?.isClosing = true
      wakeWriter(handle)
    }
  }

  /// Closes all of them.
  func closeAll() {
    for handle in peers.keys {
      peers[handle]?.isClosing = true
      wakeWriter(handle)
    }
  }

  private func speak(to handle: PeerHandle) async {
    if let peer = await host.book.peer(of: handle),
      let stream = try? await host.open([protocolID], to: peer)
    {
      await write(to: handle, over: stream)
      await stream.reset()
    }
    dropped += peers[handle]?.queue.count ?? 0
    peers[handle] = nil
  }

  /// Sends what waits until the stream breaks or is no longer wanted.
  private func write(to handle: PeerHandle, over stream: PeerStream) async {
    while let waiting = peers[handle], !Task.isCancelled {
      guard let next = waiting.queue.first else {
        if waiting.isClosing { return }
        await sleep(handle)
        continue
      }
      peers[handle]?.queue.removeFirst()
      peers[handle]?.queuedBytes -= next.count
      do throws(PeerError) { try await stream.writeMessage(next) } catch { return }
    }
  }

  private func sleep(_ handle: PeerHandle) async {
    await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        peers[handle]?.writer = continuation
        let mayStop = peers[handle].map { !$0.queue.isEmpty || $0.isClosing } ?? true
        if mayStop || Task.isCancelled {
          peers[handle]?.writer = nil
          continuation.resume()
        }
      }
    } onCancel: {
      loop.execute { self.assumeIsolated { $0.wakeWriter(handle) } }
    }
  }

  private func wakeWriter(_ handle: PeerHandle) {
    guard let writer = peers[handle]?.writer else { return }
    peers[handle]?.writer = nil
    writer.resume()
  }
}
