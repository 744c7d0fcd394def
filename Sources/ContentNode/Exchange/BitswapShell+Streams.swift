import ContentStore
import Cryptography
import Networking
import Peering
import Primitives

/// Messages on their way: each side sends over streams that it opened, and may answer on others.
extension BitswapShell {
  // MARK: Receiving

  func servedProtocol(_ version: BitswapVersion) -> StreamProtocol {
    let limits = StreamLimits(
      inboundPerPeerMax: ExchangeLimits.bitswapStreamsPerPeerMax,
      inboundMax: ExchangeLimits.bitswapStreamsMax)
    return StreamProtocol(version.protocolID, limits: limits) { [weak self] stream in
      try await self?.read(stream)
    }
  }

  /// Takes a stream's messages one after the other: who asks for more waits until it was looked up.
  private func read(_ stream: PeerStream) async throws {
    while let bytes = try await stream.readMessage(
      limit: BitswapLimits.messageByteCountMax, restWithin: timeouts.answer)
    {
      let (message, blocks) = try await pool.run(
        ifMoreThan: ExchangeLimits.smallMessageBytes, bytes.count
      ) {
        let message = try BitswapMessage(decoding: bytes)
        return (message, message.blocks.compactMap { $0.named() })
      }
      await received(message, blocks, from: stream.peer)
    }
  }

  private func received(
    _ message: BitswapMessage, _ blocks: [ContentBlock], from peer: PeerID
  ) async {
    guard await host.isConnected(peer) else { return }
    let number = number(of: peer)
    // Blocks whose hash function is of no use were not asked for either.
    if !blocks.isEmpty || !message.presences.isEmpty {
      handle(.received(blocks, message.presences, from: number))
    }
    for lookUp in perform(server.handle(.received(message, from: number))) { await lookUp() }
  }

  // MARK: Sending

  func enqueue(_ message: BitswapMessage, to number: BitswapPeer) {
    guard let link = links[number] else { return }
    let size = message.blockByteCount
    let isSmall = size == 0
    guard !isSmall || link.queuedBytes < ExchangeLimits.queueBytesMax else {
      // It does not read: whatever was asked of it is asked of others.
      return forget(link.peer)
    }
    links[number]?.queue.append(message)
    links[number]?.queuedBytes += isSmall ? Self.smallMessageBytes(message) : 0
    guard !link.isSpeaking else {
      links[number]?.writer?.resume()
      links[number]?.writer = nil
      return
    }
    links[number]?.isSpeaking = true
    let began = host.assumeIsolated { host in host.begin { await self.speak(to: number) } }
    if !began { loop.execute { self.assumeIsolated { $0.forget(link.peer) } } }
  }

  /// About what a message without blocks takes.
  private static func smallMessageBytes(_ message: BitswapMessage) -> Int {
    64 * (message.wants.count + message.presences.count + message.unreadableAbsent.count + 1)
  }

  /// Sends what waits over a stream of our own, and reads what comes on it: some answer there.
  private func speak(to number: BitswapPeer) async {
    for _ in 0..<ExchangeLimits.streamAttemptsMax {
      guard let peer = links[number]?.peer, let connection = await host.connection(with: peer),
        let stream = try? await connection.openStream(BitswapVersion.allCases.map(\.protocolID))
      else { break }
      await withDiscardingTaskGroup { group in
        group.addTask { try? await self.read(stream) }
        await write(to: number, over: stream)
        // Ends the reading too.
        await stream.reset()
      }
      guard links[number] != nil else { return }
    }
    if let peer = links[number]?.peer { forget(peer) }
  }

  private func write(to number: BitswapPeer, over stream: PeerStream) async {
    let version = BitswapVersion(rawValue: stream.protocolID) ?? .v1r2
    while let link = links[number] {
      guard let message = link.queue.first else {
        await withUnsafeContinuation { continuation in
          links[number]?.writer = continuation
          if links[number] == nil { continuation.resume() }
          if links[number]?.queue.isEmpty == false {
            links[number]?.writer?.resume()
            links[number]?.writer = nil
          }
        }
        continue
      }
      let bytes = message.encoded(for: version)
      if !bytes.isEmpty {
        do throws(PeerError) { try await stream.writeMessage(bytes) } catch { return }
      }
      guard links[number]?.queue.isEmpty == false else { return }
      links[number]?.queue.removeFirst()
      let size = message.blockByteCount
      if size == 0 {
        links[number]?.queuedBytes -= Self.smallMessageBytes(message)
      } else {
        _ = perform(server.handle(.sent(number, byteCount: size)))
      }
    }
  }
}
