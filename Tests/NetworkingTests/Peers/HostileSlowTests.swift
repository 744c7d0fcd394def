import Cryptography
import Networking
import Primitives
import Testing

@testable import Peering

/// The protocols of streams, and what a message's length may be at most.
private let limits: [(name: String, bytes: Int)] = [
  (IdentifyMessage.pushProtocolID, IdentifyMessage.bytesMax),
  (KademliaMachine.martletProtocolID, KademliaLimits.messageBytesMax),
  ("/meshsub/1.2.0", GossipsubLimits.rpcBytesMax),
  (RPCProtocol.protocolID, RPCLimits.messageBytesMax),
]

@Suite("hostile peers: slow and oversized", .timeLimit(.minutes(5)))
struct HostileSlowTests {
  private static let calls = StreamProtocol.rpc { _ in .success([]) }

  @Test(
    "a handshake of one byte now and then ends, wherever it stalls, and its slot is free again",
    arguments: [Bytes(), Bytes("\u{13}/multistream/1.0.0\n\u{7}/noise\n".utf8)])
  func trickledHandshake(opening: Bytes) async throws {
    try await AttackedHost.run { attacked in
      let socket = try await HostilePeer.plainSocket(to: attacked.address, on: attacked.loop)
      try await socket.write(opening)
      // A multistream header, then the length and the beginning of a Noise message.
      let trickle: Bytes =
        opening.isEmpty ? Bytes("\u{13}/multistream/".utf8) : [0, 32, 1, 2, 3, 4, 5]
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          await attacked.loop.perform {
            for byte in trickle {
              try? await socket.write([byte])
              try? await attacked.loop.sleep(for: .milliseconds(20))
            }
          }
        }
        var answer = Bytes()
        while let count = try? await socket.read(appendingTo: &answer), count > 0 {}
      }
      socket.close()
      while await attacked.host.budget.handshakes > 0 {
        try await attacked.loop.sleep(for: .milliseconds(5))
      }
      #expect(await attacked.host.budget.inbound == 0)
    }
  }

  @Test("streams that never say what for are reset, and the connection lives")
  func undecidedStreams() async throws {
    try await AttackedHost.run { attacked in
      try await attacked.attacked { peer in
        var streams: Set<UInt32> = []
        for _ in 0..<20 { streams.insert(try peer.openSilently()) }
        // One says half of a name.
        let half = try #require(streams.min())
        try await peer.say(Bytes("\u{13}/multistream/1.0".utf8), on: half)
        try await peer.wait { streams.isSubset(of: peer.resets) }
        #expect(!peer.isEnded)
      }
    }
  }

  @Test("a message that stops half-way ends its stream, on every protocol", arguments: limits)
  func halfMessages(name: String, bytes: Int) async throws {
    try await AttackedHost.run(protocols: [Self.calls]) { attacked in
      let shells = try await attacked.serveEverything()
      try await attacked.attacked { peer in
        let head = Varint.encode(UInt64(min(bytes, 1_000)))
        let stream = try await peer.say(head + [1, 2, 3], on: name)
        try await peer.wait { peer.resets.contains(stream) }
        #expect(!peer.isEnded)
      }
      _ = shells
    }
  }

  @Test(
    "a length above the limit ends its stream before any of it, on every protocol",
    arguments: limits)
  func oversized(name: String, bytes: Int) async throws {
    var settings = AttackedHost.impatient
    // Only the length may end the stream.
    settings.timeouts.message = .seconds(600)
    settings.timeouts.nextRequest = .seconds(600)
    settings.timeouts.handshake = .seconds(600)
    try await AttackedHost.run(settings, protocols: [Self.calls]) { attacked in
      let shells = try await attacked.serveEverything()
      try await attacked.attacked { peer in
        let stream = try await peer.say(Varint.encode(UInt64(bytes + 1)), on: name)
        try await peer.wait { peer.resets.contains(stream) }
        #expect(!peer.isEnded)
      }
      _ = shells
    }
  }

  @Test("a line of multistream-select above its limit ends the stream, or the handshake")
  func oversizedLines() async throws {
    try await AttackedHost.run { attacked in
      // 1,025 bytes as a varint.
      let line: Bytes = [0x81, 0x08] + Bytes(repeating: UInt8(ascii: "a"), count: 1_025)
      try await attacked.attacked { peer in
        let stream = try peer.openSilently()
        try await peer.say(line, on: stream)
        try await peer.wait { peer.resets.contains(stream) }
        #expect(!peer.isEnded)
      }
      let socket = try await HostilePeer.plainSocket(to: attacked.address, on: attacked.loop)
      try await socket.write(line)
      while !socket.isAtEnd { try await attacked.loop.sleep(for: .milliseconds(5)) }
      socket.close()
    }
  }
}
