import Cryptography
import Primitives
import Testing

@testable import Peering

/// The public keys of libp2p/specs peer-ids/peer-ids.md, "Test vectors", each with a signature of
/// `martlet foreign key` that `openssl dgst -sha256 -sign` made with the private key beside it.
private enum KeyVectors {
  static let message = Bytes("martlet foreign key".utf8)
  static let ed25519Private =
    "080112407e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d1ed1e8fae2c4a144"
    + "b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e"
  static let ed25519 =
    "080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e"
  static let secp256k1 =
    "08021221037777e994e452c21604f91de093ce415f5432f701dd8cd1a7a6fea0e630bfca99"
  static let secp256k1Signature =
    "3046022100b9be4f2ee4618353d2e9f6f0692dca812e4c94424b946b18f1f7f074afb3428502210092921cf0"
    + "b78a6f8edc838d62eb144f9a55f2f50ee5c340b25da9b49818977e41"
  static let ecdsa =
    "0803125b3059301306072a8648ce3d020106082a8648ce3d03010703420004de3d300fa36ae0e8f5d530899d"
    + "83abab44abf3161f162a4bc901d8e6ecda020e8b6d5f8da30525e71d6851510c098e5c47c646a597fb4dcec0"
    + "34e9f77c409e62"
  static let ecdsaSignature =
    "304502210090c774ed75dd786cacd00377274ab0d925dbb06bb2fea9359ecae47377b360ab0220727dbe45ea"
    + "33072c30a6ca75773ddd724f385a306b21f3b4dcb94bf2335c6e64"
  static let rsa =
    "080012a60430820222300d06092a864886f70d01010105000382020f003082020a0282020100e1beab071d08"
    + "200bde24eef00d049449b07770ff9910257b2d7d5dda242ce8f0e2f12e1af4b32d9efd2c090f66b0f29986db"
    + "b645dae9880089704a94e5066d594162ae6ee8892e6ec70701db0a6c445c04778eb3de1293aa1a23c3825b85"
    + "c6620a2bc3f82f9b0c309bc0ab3aeb1873282bebd3da03c33e76c21e9beb172fd44c9e43be32e2c99827033c"
    + "f8d0f0c606f4579326c930eb4e854395ad941256542c793902185153c474bed109d6ff5141ebf9cd256cf588"
    + "93a37f83729f97e7cb435ec679d2e33901d27bb35aa0d7e20561da08885ef0abbf8e2fb48d6a5487047a9ecb"
    + "1ad41fa7ed84f6e3e8ecd5d98b3982d2a901b4454991766da295ab78822add5612a2df83bcee814cf50973e8"
    + "0d7ef38111b1bd87da2ae92438a2c8cbcc70b31ee319939a3b9c761dbc13b5c086d6b64bf7ae7dacc1462237"
    + "5d92a8ff9af7eb962162bbddebf90acb32adb5e4e4029f1c96019949ecfbfeffd7ac1e3fbcc6b6168c34be3d"
    + "5a2e5999fcbb39bba7adbca78eab09b9bc39f7fa4b93411f4cc175e70c0a083e96bfaefb04a9580b4753c173"
    + "8a6a760ae1afd851a1a4bdad231cf56e9284d832483df215a46c1c21bdf0c6cfe951c18f1ee4078c79c13d63"
    + "edb6e14feaeffabc90ad317e4875fe648101b0864097e998f0ca3025ef9638cd2b0caecd3770ab54a1d9c6ca"
    + "959b0f5dcbc90caeefc4135baca6fd475224269bbe1b0203010001"
  static let rsaSignature =
    "6ed4c06132e92bcd4726b8b088ab3d99aeef7b3ddefb426bbe50d771cb9aac7c67f612330e4e26b36f956692"
    + "251701ee7327dd657de3927cfee183745d4707a8660a944d12b67e59af682f7c842095a5ee3a725973fb4d8b"
    + "07ac03106d28ef9310081e694a196336f9b63614cf900d32de46172c59e38a4f2fcfaa650f60b4a7562a1f72"
    + "b0d03e7e5edbe3a4e386503d1e3da9e9e10805038eda4356d9a0037aafd6a558afdaea104ecd13105c0ed0a2"
    + "5f5b2cb5a2eeae4f441e171e5deb18dcd8663ac68f30529e95f18d48101f5c107683f9ab22860b0cec6b15e8"
    + "d02979bb0246ad9402d08919e60120b75335dda1d5821b3f4cfb0d6f8417b61d33dede187e8aa522eeb291bf"
    + "afd380ea7f68a26e67cb6561b11ed52eeef3c3ee01563889e551e5faef1a8eb0c1bd59f8058d618e40444ec5"
    + "2086f62ad8caeb0e6e3635287a34357b1dd13889d415c41536f4f28c4c0f286aed73391e1712742bc9502f74"
    + "cb2d48d877f2a55edb411cf9e24e01b25e951f677462504a245ef34788b1b68a88d8813ca8c9fbdff857022c"
    + "d28973d736802c69cd2bc9c30e2759a1290dd9f664d11d7b117fc8ef1187c8623fd3bb5b738d9009514746a5"
    + "d39d2cb22eb59bdeb4430ee51904422cfb97efb77e1505f90d859de238620ee77e9b8711e63644d76cf26893"
    + "ac2f89457a395d5f226bc7db9d86e4aa370cad2615803200158a48f7"
}

@Suite("public keys of peers")
struct PeerPublicKeyTests {
  @Test("our kind of key is the one of the specification's vector")
  func ed25519() throws {
    let secret = try Hex.decode(KeyVectors.ed25519Private)
    // Type and length take four bytes; the seed is the first half of the 64 behind them.
    let key = try SigningKey(seed: Bytes(secret[4..<36]))
    #expect(Hex.encode(key.publicKey.protobuf) == KeyVectors.ed25519)
    let read = try PeerPublicKey(protobuf: try Hex.decode(KeyVectors.ed25519))
    #expect(read == .ed25519(key.publicKey))
    #expect(read.verify(key.sign(KeyVectors.message).bytes, of: KeyVectors.message))
    #expect(!read.verify(key.sign([1]).bytes, of: KeyVectors.message))
  }

  @Test(
    "keys of the other kinds are read, written as they were, and verify",
    arguments: [
      (KeyVectors.secp256k1, KeyVectors.secp256k1Signature),
      (KeyVectors.ecdsa, KeyVectors.ecdsaSignature),
      (KeyVectors.rsa, KeyVectors.rsaSignature),
    ])
  func foreign(keyHex: String, signatureHex: String) throws {
    let bytes = try Hex.decode(keyHex)
    let key = try PeerPublicKey(protobuf: bytes)
    #expect(key.protobuf == bytes)
    var signature = try Hex.decode(signatureHex)
    #expect(key.verify(signature, of: KeyVectors.message))
    #expect(!key.verify(signature, of: KeyVectors.message + [0]))
    signature[signature.count - 1] ^= 1
    #expect(!key.verify(signature, of: KeyVectors.message))
    #expect(!key.verify([], of: KeyVectors.message))
    for length in 0..<bytes.count {
      #expect(throws: PeeringError.self) {
        try PeerPublicKey(protobuf: Bytes(bytes.prefix(length)))
      }
    }
    #expect(throws: PeeringError.self) { try PeerPublicKey(protobuf: bytes + [0]) }
  }

  @Test("a key in another than its one encoding is refused, since its id would be another")
  func canonical() throws {
    let key = try Hex.decode(KeyVectors.ed25519)
    let swapped = Bytes(key[2...] + key[..<2])
    let padded = [0x08, 0x81, 0x00] + Bytes(key[2...])
    for bytes in [swapped, padded, key + [0x18, 0x01]] {
      #expect(throws: PeeringError.identityPayload(.keyNotSupported)) {
        try PeerPublicKey(protobuf: bytes)
      }
    }
  }

  /// libp2p/specs peer-ids/peer-ids.md, "String representation", Examples.
  @Test("a peer id is read from base58 and from a CID, of short keys and of hashed ones")
  func texts() throws {
    let cid = "bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe"
    let hashed = try PeerID("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N")
    #expect(try PeerID(cid) == hashed)
    #expect(try PeerID(hashed.base36) == hashed)
    #expect(hashed.base32 == cid)
    let short = try PeerID("12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA")
    #expect(try PeerID(short.base32) == short)
    #expect(try PeerID(short.base36) == short)
    #expect(short.base36.hasPrefix("k51qzi5uqu5"))
    #expect(short.publicKey != nil)
    let rsa = try PeerPublicKey(protobuf: try Hex.decode(KeyVectors.rsa))
    #expect(rsa.peerID.description.hasPrefix("Qm"))
  }
}

@Suite("signed envelopes")
struct SignedEnvelopeTests {
  private static func key(_ number: UInt8) throws -> SigningKey {
    try SigningKey(seed: Bytes(repeating: number, count: 32))
  }

  private static func record() throws -> SignedPeerRecord {
    SignedPeerRecord(
      sequence: 1_570_215_229,
      addresses: [try Multiaddr("/ip4/192.0.2.0/tcp/42"), try Multiaddr("/dns4/a.example/tcp/1")],
      by: try key(1))
  }

  @Test("a record is read as it was signed")
  func roundTrip() throws {
    let record = try Self.record()
    let read = try SignedPeerRecord(decoding: record.envelope)
    #expect(read == record)
    #expect(read.peer == (try Self.key(1)).publicKey.peerID)
  }

  @Test("every truncation and every flipped bit of a record is refused or changes nothing signed")
  func damage() throws {
    let record = try Self.record()
    for length in 0..<record.envelope.count {
      #expect(throws: EnvelopeFault.self) {
        try SignedPeerRecord(decoding: Bytes(record.envelope.prefix(length)))
      }
    }
    for bit in 0..<record.envelope.count * 8 {
      var bytes = record.envelope
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(throws: EnvelopeFault.self) { try SignedPeerRecord(decoding: bytes) }
    }
  }

  /// The envelope that go-libp2p-core's record/envelope_test.go holds (b18a4c9, line 68; MIT and
  /// Apache-2.0), and the one of the same file with two bytes of its payload changed.
  @Test("the published envelope is read, for its own purpose and as it was signed alone")
  func published() throws {
    let head =
      "0a24080112206f1581709bb7b1ef030d210db18e3b0ba1c776fba65d8cdaad05415142d189f8"
      + "12102f6c69627032702f7465737464617461"
    let tail =
      "6c6c6f20776f726c64212a401178673b51dfa842aad17e465e25d646ad16628916b964c3fb10"
      + "c711fee87872bdd4e4646f58c277cdff09704913d8be1aec6322de8d3d0bb852120374aece08"
    let bytes = try Hex.decode(head + "1a0c6865" + tail)
    let envelope = try SignedEnvelope(decoding: bytes, domain: "libp2p-testing")
    #expect(envelope.payloadType == Bytes("/libp2p/testdata".utf8))
    #expect(envelope.payload == Bytes("hello world!".utf8))
    #expect(envelope.encoded() == bytes)
    #expect(throws: EnvelopeFault.signature) {
      try SignedEnvelope(decoding: bytes, domain: SignedPeerRecord.domain)
    }
    let changed = try Hex.decode(head + "1a0c0000" + tail)
    #expect(throws: EnvelopeFault.signature) {
      try SignedEnvelope(decoding: changed, domain: "libp2p-testing")
    }
  }

  @Test("bytes signed for another purpose are no record")
  func domain() throws {
    let record = try Self.record()
    let envelope = try SignedEnvelope(decoding: record.envelope, domain: SignedPeerRecord.domain)
    let other = SignedEnvelope(
      signing: envelope.payload, type: SignedPeerRecord.payloadType, domain: "other",
      by: try Self.key(1))
    #expect(throws: EnvelopeFault.signature) {
      try SignedPeerRecord(decoding: other.encoded())
    }
    let typed = SignedEnvelope(
      signing: envelope.payload, type: [0x03, 0x02], domain: SignedPeerRecord.domain,
      by: try Self.key(1))
    #expect(throws: EnvelopeFault.payloadType([0x03, 0x02])) {
      try SignedPeerRecord(decoding: typed.encoded())
    }
  }

  @Test("a record that somebody else signed is refused")
  func forged() throws {
    let record = try Self.record()
    let envelope = try SignedEnvelope(decoding: record.envelope, domain: SignedPeerRecord.domain)
    let thief = try Self.key(2)
    let forged = SignedEnvelope(
      signing: envelope.payload, type: SignedPeerRecord.payloadType,
      domain: SignedPeerRecord.domain, by: thief)
    #expect(
      throws: EnvelopeFault.otherPeer(record: record.peer, signer: thief.publicKey.peerID)
    ) { try SignedPeerRecord(decoding: forged.encoded()) }
  }

  @Test("addresses of unknown transports do not spoil a record, too many do")
  func addresses() throws {
    var unknown = ProtobufWriter()
    unknown.append(1, bytes: [0xFF, 0x7F, 1])
    func signed(_ count: Int) throws -> SignedEnvelope {
      var message = ProtobufWriter()
      message.append(1, bytes: try Self.key(1).publicKey.peerID.bytes)
      message.append(2, unsigned: 7)
      for _ in 0..<count { message.append(3, bytes: unknown.bytes) }
      return SignedEnvelope(
        signing: message.bytes, type: SignedPeerRecord.payloadType,
        domain: SignedPeerRecord.domain, by: try Self.key(1))
    }
    #expect(try SignedPeerRecord(decoding: signed(64).encoded()).addresses.isEmpty)
    #expect(throws: EnvelopeFault.tooManyAddresses(limit: 64)) {
      try SignedPeerRecord(decoding: signed(65).encoded())
    }
  }
}

@Suite("observed addresses")
struct ObservedAddressTests {
  private static func time(_ seconds: UInt64) -> Tick {
    Tick(nanoseconds: seconds * 1_000_000_000)
  }

  @Test("an address is believed when observers of four groups agree, not before")
  func threshold() throws {
    var observed = ObservedAddresses()
    let truth = try Multiaddr("/ip4/9.9.9.9/tcp/4001")
    for group in [1, 2, 3, 3, 2, 1] as [UInt32] { observed.observe(truth, by: group, now: .zero) }
    #expect(observed.confirmed(now: .zero).isEmpty)
    observed.observe(truth, by: 4, now: .zero)
    #expect(observed.confirmed(now: .zero) == [truth])
  }

  @Test("one operator's lies, however many, neither are believed nor push the truth out")
  func lies() throws {
    var observed = ObservedAddresses()
    let truth = try Multiaddr("/ip4/9.9.9.9/tcp/4001")
    for group in [1, 2, 3] as [UInt32] { observed.observe(truth, by: group, now: .zero) }
    for port in 1...1_000 {
      observed.observe(try Multiaddr("/ip4/6.6.6.6/tcp/\(port)"), by: 66, now: .zero)
    }
    #expect(observed.rows.count <= 64)
    observed.observe(truth, by: 4, now: .zero)
    #expect(observed.confirmed(now: .zero) == [truth])
  }

  @Test("old observations do not count, and neither does this machine")
  func expiry() throws {
    var observed = ObservedAddresses()
    let truth = try Multiaddr("/ip4/9.9.9.9/tcp/4001")
    for group in [1, 2, 3] as [UInt32] { observed.observe(truth, by: group, now: .zero) }
    observed.observe(truth, by: 4, now: Self.time(3_000))
    #expect(observed.confirmed(now: Self.time(3_000)).isEmpty)
    for _ in 0..<9 { observed.observe(truth, by: 0, now: Self.time(3_000)) }
    #expect(observed.rows.map(\.groups) == [1])
    let local = try Multiaddr("/ip4/127.0.0.1/tcp/1")
    for group in 1...9 { observed.observe(local, by: UInt32(group), now: .zero) }
    #expect(observed.rows.count == 1)
  }
}
