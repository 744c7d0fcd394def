import Cryptography
import Primitives
import Testing

@Suite struct KeyTests {
  /// RFC 8032 §7.1, tests 1 and 2.
  @Test(
    "Ed25519 has the published keys and signatures",
    arguments: [
      (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
      ),
      (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
      ),
    ])
  func ed25519(seed: String, key: String, message: String, signature: String) throws {
    let signing = try SigningKey(seed: Hex.decode(seed))
    let message = try Hex.decode(message)
    #expect(Hex.encode(signing.publicKey.bytes) == key)
    let made = signing.sign(message)
    #expect(Hex.encode(made.bytes) == signature)
    #expect(signing.publicKey.verify(made, of: message))
    #expect(!signing.publicKey.verify(made, of: message + [0]))
    for bit in stride(from: 0, to: 512, by: 7) {
      var bytes = made.bytes
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(!signing.publicKey.verify(try Signature(bytes: bytes), of: message))
    }
  }

  /// RFC 7748 §5.2: the iterated test.
  @Test("X25519 has the published values and refuses low-order points")
  func x25519() throws {
    var scalar = [9] + Bytes(repeating: 0, count: 31)
    var point = scalar
    for round in 1...1000 {
      (scalar, point) = (try X25519.sharedSecret(privateKey: scalar, publicKey: point), scalar)
      if round == 1 {
        #expect(
          Hex.encode(scalar) == "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079")
      }
    }
    #expect(
      Hex.encode(scalar) == "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51")
    let base = [9] + Bytes(repeating: 0, count: 31)
    #expect(
      X25519.publicKey(of: scalar) == (try X25519.sharedSecret(privateKey: scalar, publicKey: base))
    )
    #expect(throws: CryptographyError.lowOrderPoint) {
      try X25519.sharedSecret(
        privateKey: scalar, publicKey: Bytes(repeating: 0, count: X25519.byteCount))
    }
  }

  /// RFC 8439 §2.8.2.
  @Test("ChaCha20-Poly1305 has the published ciphertext and refuses every changed bit")
  func chaChaPoly() throws {
    let key = Bytes(0x80...0x9f)
    let nonce = try Hex.decode("070000004041424344454647")
    let header = try Hex.decode("50515253c0c1c2c3c4c5c6c7")
    let plaintext = Bytes(
      ("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
        + "future, sunscreen would be it.").utf8)
    let cipher = ChaChaPoly(key: key)
    let sealed = cipher.seal(plaintext, nonce: nonce, authenticating: header)
    #expect(Hex.encode(sealed.prefix(16)) == "d31a8d34648e60db7b86afbc53ef7ec2")
    #expect(Hex.encode(sealed.suffix(16)) == "1ae10b594f09e26a7e902ecbd0600691")
    #expect(try cipher.open(sealed, nonce: nonce, authenticating: header) == plaintext)
    for bit in stride(from: 0, to: sealed.count * 8, by: 5) {
      var changed = sealed
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(throws: CryptographyError.decryptionFailed) {
        try cipher.open(changed, nonce: nonce, authenticating: header)
      }
    }
    #expect(throws: CryptographyError.decryptionFailed) { try cipher.open([1], nonce: nonce) }
  }

  /// libp2p specs, peer-ids/peer-ids.md: the Ed25519 test key and an RSA id's text.
  @Test("peer ids have the published text")
  func peerID() throws {
    let protobuf = try Hex.decode(
      "080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e")
    let key = try PublicKey(bytes: Bytes(protobuf.dropFirst(4)))
    #expect(key.protobuf == protobuf)
    let text = key.peerID.description
    #expect(text.hasPrefix("12D3KooW"))
    #expect(try PeerID(text) == key.peerID)
    #expect(key.peerID.publicKey == key)
    let cid = "b" + Base32.encode([1, 0x72] + key.peerID.bytes)
    #expect(try PeerID(cid) == key.peerID)
    #expect(
      try PeerID("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N").bytes.prefix(2) == [0x12, 0x20])
    #expect(throws: DecodingFailure.self) { try PeerID("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7D") }
    #expect(throws: DecodingFailure.self) { try PeerID("") }
  }

  @Test("a sealed secret opens with its passphrase only")
  func sealedSecret() throws {
    let passphrase = Bytes("correct horse".utf8)
    let sealed = SealedSecret.seal([1, 2, 3], passphrase: passphrase)
    #expect(try SealedSecret.open(sealed, passphrase: passphrase) == [1, 2, 3])
    #expect(throws: CryptographyError.wrongPassphrase) {
      try SealedSecret.open(sealed, passphrase: Bytes("wrong".utf8))
    }
    #expect(throws: DecodingFailure.self) {
      try SealedSecret.open(Bytes(sealed.prefix(20)), passphrase: passphrase)
    }
  }

  /// The box was made by PyNaCl 1.6.2 for the Ed25519 key of seed 00…1f.
  @Test("a sealed box of libsodium's is opened by its key alone, and no changed one")
  func sealedBox() throws {
    let key = try SigningKey(seed: Bytes(0..<32))
    let box = try Hex.decode(
      "db22de47be6a65611d41c2492a445ff335186d37a51104007d2b919a5e3cf474"
        + "691aeb5631e1cc680dbe566d57cfd6b9462f1edc260d019231ba10369906f1fc9627")
    #expect(try SealedBox.open(box, with: key) == Bytes("martlet sealed box".utf8))
    let own = try SealedBox.seal([1, 2, 3], for: key.publicKey)
    #expect(own.count == 3 + SealedBox.overheadByteCount)
    #expect(try SealedBox.open(own, with: key) == [1, 2, 3])
    #expect(throws: CryptographyError.decryptionFailed) {
      try SealedBox.open(box, with: SigningKey(seed: Bytes(1..<33)))
    }
    for position in box.indices {
      var damaged = box
      damaged[position] ^= 1
      #expect(throws: CryptographyError.decryptionFailed) { try SealedBox.open(damaged, with: key) }
      #expect(throws: CryptographyError.decryptionFailed) {
        try SealedBox.open(Bytes(box.prefix(position)), with: key)
      }
    }
    // A point of low order is no key to seal for.
    let low = try PublicKey(bytes: [1] + Bytes(repeating: 0, count: 31))
    #expect(throws: CryptographyError.invalidPublicKey) { try SealedBox.seal([1], for: low) }
  }
}
