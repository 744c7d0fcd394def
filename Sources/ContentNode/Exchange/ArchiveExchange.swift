package import ContentStore
import Cryptography
package import Networking
import Peering
package import Persistence
import Primitives
package import Telemetry

/// Sends archives to other nodes of ours, and takes theirs: `/martlet/content/1.0.0`.
package struct ArchiveExchange: Sendable {
  /// The protocol's name on the wire.
  package static let protocolID = "/martlet/content/1.0.0"

  let host: PeerHost
  let store: BlockStore
  let pool: ComputePool
  let timeouts: ExchangeTimeouts
  private let serves: ServingRule?
  private let sentBytes: Counter

  /// A service over `store`; blocking work runs on `pool`.
  package init(
    host: PeerHost, store: BlockStore, pool: ComputePool, metrics: MetricsRegistry,
    timeouts: ExchangeTimeouts = ExchangeTimeouts(), serves: ServingRule? = nil
  ) {
    self.timeouts = timeouts
    self.serves = serves
    self.host = host
    self.store = store
    self.pool = pool
    sentBytes = metrics.counter(
      "martlet_content_archive_sent_bytes_total", help: "Bytes of archives sent to other nodes")
  }

  // MARK: Sending

  /// Serves the protocol.
  package func start() async {
    let limits = StreamLimits(
      inboundPerPeerMax: ExchangeLimits.archivesPerPeerMax, inboundMax: ExchangeLimits.archivesMax)
    await host.serve(
      StreamProtocol(Self.protocolID, limits: limits) { stream in
        let bytes = try await stream.readMessage(
          limit: ArchiveRequestLimits.byteCountMax, within: timeouts.stall)
        guard let bytes else { return }
        guard let request = try? ArchiveRequest(decoding: bytes) else {
          return try await answer(.refused(.malformed), on: stream)
        }
        try await send(request, over: stream)
      })
  }

  private func send(_ request: ArchiveRequest, over stream: PeerStream) async throws {
    let store = store
    let peer = stream.peer
    let rule = serves.map { serves in { @Sendable (cid: CID) in serves(cid, peer) } }
    let begun: (ArchiveSource, Bytes?)
    do {
      begun = try await pool.run {
        let source = try ArchiveSource(request, from: store, serves: rule)
        return (source, try source.next())
      }
    } catch is ComputePoolError {
      return try await answer(.refused(.busy), on: stream)
    } catch {
      return try await answer(.refused(.notFound), on: stream)
    }
    try await answer(.archive, on: stream)
    var (source, piece) = begun
    while let bytes = piece {
      // The next piece is read while this one is sent.
      async let next = pool.run { [source] in try source.next() }
      try await stream.write(bytes, within: timeouts.stall)
      sentBytes.increment(by: UInt64(bytes.count))
      piece = try await next
    }
    _ = consume source
  }

  private func answer(_ answer: ArchiveAnswer, on stream: PeerStream) async throws {
    try await stream.writeMessage(answer.encoded())
  }

  // MARK: Asking

  /// Takes an archive from a peer into a walk, block by block in the walk's order; returns when the
  /// walk is complete. What came before an error is kept, and the walk stands behind it.
  func fetch(_ request: ArchiveRequest, from peer: PeerID, into walk: FetchWalk) async throws {
    let stream = try await host.open([Self.protocolID], to: peer)
    do {
      var request = request
      request.skipped = walk.given
      try await stream.writeMessage(request.encoded())
      await stream.finish()
      let bytes = try await stream.readMessage(
        limit: ArchiveRequestLimits.answerByteCountMax, within: timeouts.answer)
      guard let bytes else { throw PeerError.streamEnded }
      if case .refused(let refusal) = try ArchiveAnswer(decoding: bytes) {
        throw ArchiveFetchError.refused(refusal)
      }
      try await take(stream, request, into: walk)
      await stream.close()
    } catch {
      await stream.reset()
      throw error
    }
  }

  private func take(
    _ stream: PeerStream, _ request: ArchiveRequest, into walk: FetchWalk
  ) async throws {
    let archive = ArchiveReading(request, into: walk)
    var piece = try await stream.read(atMost: ExchangeLimits.pieceBytes, within: timeouts.stall)
    while let bytes = piece {
      // One piece is hashed and kept while the next one comes.
      async let kept: Void = pool.run { try archive.append(bytes) }
      do {
        piece = try await stream.read(atMost: ExchangeLimits.pieceBytes, within: timeouts.stall)
      } catch {
        // What was wrong with the bytes says more than that no more came.
        try await kept
        throw error
      }
      try await kept
    }
    try await pool.run { try archive.finish() }
  }
}

/// Why a peer's archive was not taken.
package enum ArchiveFetchError: Error, Equatable, Sendable {
  /// The peer sends none.
  case refused(ArchiveAnswer.Refusal)
  /// Its archive is about something else, or has not all that was asked for.
  case wrongArchive
}

/// A peer's archive while it arrives: each block must be the one that the walk wants next.
private final class ArchiveReading: Sendable {
  private let roots: [CID]
  private let walk: FetchWalk
  private let reader: Lock<CARReader>

  init(_ request: ArchiveRequest, into walk: FetchWalk) {
    roots = request.roots
    self.walk = walk
    // The walk ends the archive; no byte count need do so.
    reader = Lock(CARReader(byteCountMax: .max))
  }

  func append(_ bytes: Bytes) throws {
    var events: [CARReader.Event] = []
    let outcome = Result { try reader.withLock { try $0.append(bytes, into: &events) } }
    var blocks: [ContentBlock] = []
    for event in events {
      switch event {
      case .header(let header):
        guard header.roots == roots else { throw ArchiveFetchError.wrongArchive }
      case .block(let block): blocks.append(block)
      }
    }
    // What came before the fault is good.
    try walk.append(blocks)
    try outcome.get()
  }

  func finish() throws {
    try reader.withLock { try $0.finish() }
    guard walk.isFinished else { throw ArchiveFetchError.wrongArchive }
  }
}
