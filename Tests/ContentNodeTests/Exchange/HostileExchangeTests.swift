import ContentNode
import ContentStore
import Cryptography
import Networking
import Peering
import Persistence
import Primitives
import Testing

/// What a peer sends instead of the archive that it was asked for.
enum ArchiveLie: CaseIterable, Sendable {
  /// A block whose bytes are not what its CID says.
  case wrongBytes
  /// A good block that nobody asked for.
  case unasked
  /// The good blocks in another order.
  case anotherOrder
  /// The archive, and then blocks without end.
  case endless
  /// The beginning of the archive, and then nothing.
  case stalling
  /// Half of the archive, and then the end.
  case truncated
  /// An archive about something else.
  case anotherRoot
  /// A refusal.
  case refusing
  /// Bytes that are no archive.
  case noise

  /// Whether no honest peer does it, however its store and its link may be.
  var isMisconduct: Bool {
    switch self {
    case .wrongBytes, .unasked, .anotherOrder, .endless, .anotherRoot, .noise, .truncated: true
    case .stalling, .refusing: false
    }
  }
}

/// Fetching from peers that lie, stall and flood, beside an honest one.
@Suite("Exchange with hostile peers", .timeLimit(.minutes(2)))
struct HostileExchangeTests {
  private static let fileBytes = 6_000_000

  /// The archive of a file, section by section.
  private static func sections(of cid: CID, in store: BlockStore) throws -> [Bytes] {
    var writer = CARWriter(roots: [cid])
    var sections = [writer.header.bytes]
    var export = try DagExport(DagExport.Request(ContentPath(root: cid)))
    while let wanted = export.wanted {
      let block = ContentBlock(hashing: try store.block(wanted), codec: wanted.codec)
      var section = Bytes()
      writer.append(block, to: &section)
      sections.append(section)
      _ = try export.supply(block.bytes)
    }
    return sections
  }

  private static func section(_ text: String) -> Bytes {
    var writer = CARWriter(roots: [])
    var bytes = Bytes()
    writer.append(ContentBlock(hashing: Bytes(text.utf8), codec: .raw), to: &bytes)
    return bytes
  }

  private static func tell(
    _ lie: ArchiveLie, _ sections: [Bytes], on stream: PeerStream
  ) async throws {
    let request = try ArchiveRequest(
      decoding: try await stream.readMessage(limit: 1 << 20) ?? [])
    let answer = lie == .refusing ? ArchiveAnswer.refused(.notFound) : .archive
    try await stream.writeMessage(answer.encoded())
    var sections = sections
    switch lie {
    case .wrongBytes: sections[2][sections[2].count - 1] ^= 1
    case .unasked: sections.insert(section("unasked"), at: 3)
    case .anotherOrder: sections.swapAt(2, 3)
    case .endless: break
    case .stalling: sections = [CARHeader(roots: request.roots).bytes]
    case .truncated: sections.removeLast(sections.count / 2)
    case .anotherRoot:
      sections[0] = CARHeader(roots: [ContentBlock(hashing: [1], codec: .raw).cid]).bytes
    case .refusing: return
    case .noise: sections = [Bytes(repeating: 0x80, count: 100_000)]
    }
    for section in sections { try await stream.write(section) }
    if lie == .endless { while true { try await stream.write(section("more")) } }
    // Longer than anybody waits.
    if lie == .stalling { try await stream.connection.loop.sleep(for: .seconds(60)) }
  }

  @Test("a lying peer is dropped, named, and another one asked", arguments: ArchiveLie.allCases)
  func lies(lie: ArchiveLie) async throws {
    try await ExchangeWorld.withLoop { loop in
      try await ExchangeWorld.withNode(loop) { honest in
        let (file, content) = try await honest.add(byteCount: Self.fileBytes, seed: 1)
        let sections = try Self.sections(of: file.cid, in: honest.store)
        try await ExchangeWorld.withNode(loop, serving: .none) { liar in
          await liar.host.serve(
            StreamProtocol(ArchiveExchange.protocolID) { stream in
              try await Self.tell(lie, sections, on: stream)
            })
          try await ExchangeWorld.withNode(loop, stall: .milliseconds(500)) { client in
            _ = try await client.fetch(file.cid, from: [liar.address, honest.address])
            #expect(try await client.content(of: file.cid) == content)
            let faults = await client.exchange.misconduct
            #expect(faults[honest.host.peerID] == nil)
            #expect((faults[liar.host.peerID] != nil) == lie.isMisconduct)
          }
          // What an endless archive begins with is all that was asked for.
          guard lie != .endless else { return }
          try await ExchangeWorld.withNode(loop, stall: .milliseconds(500)) { client in
            await #expect(throws: (any Error).self) {
              _ = try await client.fetch(file.cid, from: [liar.address])
            }
          }
        }
      }
    }
  }

  @Test("several honest peers share a large tree, and each carries a part of it")
  func sharing() async throws {
    try await ExchangeWorld.withLoop { loop in
      try await ExchangeWorld.withNode(loop) { one in
        let (file, content) = try await one.add(byteCount: 24_000_000, seed: 2)
        try await ExchangeWorld.withNode(loop) { two in
          _ = try await two.fetch(file.cid, from: [one.address])
          try await ExchangeWorld.withNode(loop, stall: .milliseconds(500)) { client in
            let fetched = try await client.fetch(
              file.cid, from: [one.address, two.address], pinning: "shared")
            #expect(fetched.counts.localBlocks > 0)
            #expect(try await client.content(of: file.cid) == content)
            for node in [one, two] { #expect(await node.sentBytes() > 2_000_000) }
          }
        }
      }
    }
  }

  @Test("a bitswap peer that sends other bytes is dropped, named, and another one asked")
  func lyingBitswap() async throws {
    try await ExchangeWorld.withLoop { loop in
      try await ExchangeWorld.withNode(loop, serving: .bitswap) { honest in
        let (file, content) = try await honest.add(byteCount: Self.fileBytes, seed: 3)
        try await ExchangeWorld.withNode(loop, serving: .none) { liar in
          await liar.host.serve(
            StreamProtocol(BitswapVersion.v1r2.protocolID) { stream in
              while let bytes = try await stream.readMessage(limit: 4 << 20) {
                let wants = try BitswapMessage(decoding: bytes).wants
                var answer = BitswapMessage()
                for want in wants { answer.append(Bytes("a lie".utf8), as: want.cid) }
                try await stream.writeMessage(answer.encoded())
              }
            })
          try await ExchangeWorld.withNode(loop, stall: .milliseconds(500)) { client in
            _ = try await client.fetch(file.cid, from: [liar.address, honest.address])
            #expect(try await client.content(of: file.cid) == content)
            #expect(await client.exchange.misconduct == [liar.host.peerID: 1])
          }
        }
      }
    }
  }

  @Test("what nobody has ends with an error that names it, not with waiting")
  func unavailable() async throws {
    try await ExchangeWorld.withLoop { loop in
      try await ExchangeWorld.withNode(loop, serving: .bitswap) { empty in
        try await ExchangeWorld.withNode(loop, stall: .milliseconds(500)) { client in
          let cid = ContentBlock(hashing: Bytes("nowhere".utf8), codec: .raw).cid
          do {
            _ = try await client.fetch(cid, from: [empty.address])
            Issue.record("it was fetched")
          } catch ContentFetchError.unavailable(let missing) {
            #expect(missing == cid)
          }
        }
      }
    }
  }
}

extension ExchangeNode {
  /// Bytes that its host sent.
  func sentBytes() async -> UInt64 {
    await host.bandwidth().rows.first { $0.protocolID == ArchiveExchange.protocolID }?.traffic.sent
      ?? 0
  }
}
