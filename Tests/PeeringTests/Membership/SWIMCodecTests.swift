import Cryptography
import Peering
import Primitives
import Testing

@Suite("The wire form of membership")
struct SWIMCodecTests {
  private static let keys = (1...3).compactMap {
    try? SigningKey(seed: Bytes(repeating: UInt8($0), count: SigningKey.seedByteCount))
  }
  private static let peers = keys.map(\.publicKey.peerID)

  private static func claim(_ status: SWIMStatus) -> SWIMClaim<PeerID> {
    let bytes = SWIMProtocol.attestedBytes(
      group: [1, 2], member: peers[0], incarnation: 7, leaving: status == .left)
    return SWIMClaim(
      member: peers[0], incarnation: 7, status: status, origin: peers[1],
      proof: keys[0].sign(bytes).bytes)
  }

  static let messages: [SWIMMessage<PeerID>] = [
    SWIMMessage(.ping(sequence: 1, round: .max), claims: [claim(.alive), claim(.suspect)]),
    SWIMMessage(.ack(sequence: .max, round: 2), claims: [claim(.dead)]),
    SWIMMessage(.nack(sequence: 3)),
    SWIMMessage(.pingRequest(sequence: 4, target: peers[2]), claims: [claim(.left)]),
    SWIMMessage(.gossip, claims: Array(repeating: claim(.alive), count: 12)),
    SWIMMessage(.join, claims: [claim(.alive)]),
    SWIMMessage(.syncRequest(from: 48)),
    SWIMMessage(.syncPiece(next: 96), claims: Array(repeating: claim(.alive), count: 48)),
    SWIMMessage(.syncPiece(next: nil)),
    SWIMMessage(.refused(.notAMember)),
  ]

  @Test("each message comes back as it was, and is small", arguments: messages)
  func roundTrip(message: SWIMMessage<PeerID>) throws {
    let bytes = message.encoded()
    #expect(bytes.count <= SWIMLimits.messageBytesMax)
    #expect(try SWIMProtocol.decode(bytes) == message)
  }

  @Test("each truncation is refused", arguments: messages)
  func truncation(message: SWIMMessage<PeerID>) {
    let bytes = message.encoded()
    for length in 0..<min(bytes.count, 700) {
      #expect(throws: DecodingFailure.self) {
        try SWIMProtocol.decode(Array(bytes.prefix(length)))
      }
    }
  }

  @Test("a flipped bit is refused or changes the message", arguments: messages)
  func bitFlips(message: SWIMMessage<PeerID>) {
    let bytes = message.encoded()
    for bit in 0..<min(bytes.count, 400) * 8 {
      var damaged = bytes
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      if let other = try? SWIMProtocol.decode(damaged) { #expect(other != message) }
    }
  }

  @Test("more claims than a message may carry, and messages beyond the limit, are refused")
  func limits() {
    let thirteen = SWIMMessage(.gossip, claims: Array(repeating: Self.claim(.alive), count: 13))
    #expect(throws: DecodingFailure.tooLarge(what: "claims", size: 13, limit: 12)) {
      try SWIMProtocol.decode(thirteen.encoded())
    }
    #expect(throws: DecodingFailure.self) {
      try SWIMProtocol.decode(Bytes(repeating: 0, count: SWIMLimits.messageBytesMax + 1))
    }
  }

  @Test("handles and peer ids are exchanged for each other without loss")
  func renaming() {
    for message in Self.messages {
      let inside = message.map { peer in
        PeerHandle(UInt32(Self.peers.firstIndex(of: peer) ?? 99))
      }
      #expect(inside.map { Self.peers[Int($0.index)] } == message)
    }
  }

  @Test("what a member signs names its group, its counter and whether it leaves")
  func attestedBytes() {
    let base = SWIMProtocol.attestedBytes(
      group: [1], member: Self.peers[0], incarnation: 1, leaving: false)
    let others = [
      SWIMProtocol.attestedBytes(
        group: [2], member: Self.peers[0], incarnation: 1, leaving: false),
      SWIMProtocol.attestedBytes(
        group: [1], member: Self.peers[1], incarnation: 1, leaving: false),
      SWIMProtocol.attestedBytes(
        group: [1], member: Self.peers[0], incarnation: 2, leaving: false),
      SWIMProtocol.attestedBytes(
        group: [1], member: Self.peers[0], incarnation: 1, leaving: true),
    ]
    #expect(!others.contains(base))
    #expect(Set(others).count == 4)
  }
}
