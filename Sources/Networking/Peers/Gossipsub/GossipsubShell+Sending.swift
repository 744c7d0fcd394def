import Cryptography
import Peering
import Primitives

/// What a router says goes to each peer over a stream of its own, behind a queue with a limit.
extension GossipsubShell {
  func speak(
    to handle: PeerHandle, _ peer: PeerID, _ version: GossipsubVersion, weDialled: Bool
  ) async {
    for attempt in 1...Self.attemptsMax {
      guard peers[handle] != nil,
        let connection = await host.connection(with: peer),
        let stream = try? await connection.openStream(GossipsubVersion.protocolIDs)
      else { break }
      await write(to: handle, over: stream)
      await stream.reset()
      guard peers[handle] != nil, attempt < Self.attemptsMax else { break }
      // The stream broke and the connection lives: what waited is old, begin anew.
      self.handle(.disconnected(handle))
      _ = forget(handle)
      peers[handle] = Outgoing(peer: peer)
      self.handle(.connected(handle, peer, weDialled: weDialled, version: version))
    }
    guard forget(handle) else { return }
    self.handle(.disconnected(handle))
  }

  /// Gives back what waits for a peer; returns whether it was known.
  func forget(_ handle: PeerHandle) -> Bool {
    wakeWriter(handle)
    guard let gone = peers.removeValue(forKey: handle) else { return false }
    host.assumeIsolated { _ = $0.hold(-gone.queuedBytes, for: gone.peer) }
    return true
  }

  /// Sends what waits until the peer goes or the stream breaks.
  private func write(to handle: PeerHandle, over stream: PeerStream) async {
    while peers[handle] != nil {
      guard let next = dequeue(from: handle) else {
        await withUnsafeContinuation { continuation in
          peers[handle]?.writer = continuation
          if peers[handle] == nil { continuation.resume() }
          if peers[handle]?.queue.isEmpty == false { wakeWriter(handle) }
        }
        continue
      }
      do throws(PeerError) { try await stream.writeMessage(next) } catch { return }
    }
  }

  private func dequeue(from handle: PeerHandle) -> Bytes? {
    guard let waiting = peers[handle], let next = waiting.queue.first else { return nil }
    peers[handle]?.queue.removeFirst()
    peers[handle]?.queuedBytes -= next.count
    host.assumeIsolated { _ = $0.hold(-next.count, for: waiting.peer) }
    return next
  }

  func enqueue(_ bytes: Bytes, to handle: PeerHandle) {
    guard let outgoing = peers[handle] else { return }
    let refusal: ResourceRefusal? =
      outgoing.queuedBytes + bytes.count > Self.queueBytesMax
      ? .gossipQueue(limit: Self.queueBytesMax)
      : host.assumeIsolated { $0.holdUnsent(bytes.count, for: outgoing.peer) }
    if let refusal {
      peers[handle]?.droppedBytes += bytes.count
      guard outgoing.droppedBytes == 0 else { return }
      return host.assumeIsolated { $0.note(.droppedGossip(refusal), peer: outgoing.peer) }
    }
    peers[handle]?.queue.append(bytes)
    peers[handle]?.queuedBytes += bytes.count
    wakeWriter(handle)
  }

  func wakeWriter(_ handle: PeerHandle) {
    guard let writer = peers[handle]?.writer else { return }
    peers[handle]?.writer = nil
    writer.resume()
  }
}
