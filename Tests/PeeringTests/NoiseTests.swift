import Cryptography
import Primitives
import Testing

@testable import Peering

@Suite("Noise")
struct NoiseTests {
  /// `Noise_XX_25519_ChaChaPoly_SHA256` of the cacophony test vectors
  /// (github.com/haskell-cryptography/cacophony, vectors/cacophony.txt).
  @Test("the published XX vector is reproduced, handshake and transport, from both sides")
  func cacophonyVector() throws {
    let prologue = try Hex.decode("4a6f686e2047616c74")
    var initiator = NoiseXX(
      role: .initiator,
      staticKey: try pair("e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1"),
      ephemeralKey: try pair("893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a"),
      prologue: prologue)
    var responder = NoiseXX(
      role: .responder,
      staticKey: try pair("4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893"),
      ephemeralKey: try pair("bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b"),
      prologue: prologue)

    let first = initiator.writeFirst(payload: try vector[0].payload())
    #expect(first == (try vector[0].ciphertext()))
    #expect(try responder.readFirst(first) == vector[0].payload())

    let second = try responder.writeSecond(payload: try vector[1].payload())
    #expect(second == (try vector[1].ciphertext()))
    #expect(try initiator.readSecond(second) == vector[1].payload())

    let third = try initiator.writeThird(payload: try vector[2].payload())
    #expect(third == (try vector[2].ciphertext()))
    #expect(try responder.readThird(third) == vector[2].payload())

    let hash = "c8e5f64e846193be2a834104c2a009868d6c9f3bd3c186299888b488b2f1f58e"
    #expect(Hex.encode(initiator.handshakeHash) == hash)
    #expect(Hex.encode(responder.handshakeHash) == hash)
    let (initiatorEnds, responderEnds) = (initiator.finish(), responder.finish())
    for (index, message) in vector.enumerated().dropFirst(3) {
      let fromResponder = index % 2 == 1
      let sender = fromResponder ? responderEnds.sending : initiatorEnds.sending
      let receiver = fromResponder ? initiatorEnds.receiving : responderEnds.receiving
      let sealed = sender.seal(try message.payload())
      #expect(sealed == (try message.ciphertext()))
      #expect(try receiver.open(sealed) == message.payload())
    }
  }

  @Test("an identity payload carries key, signature and muxers")
  func identityPayload() throws {
    let identity = try SigningKey(seed: Bytes(repeating: 1, count: 32))
    let staticKey = NoiseKeyPair(privateKey: Bytes(repeating: 2, count: 32)).publicKey
    let bytes = NoiseIdentityPayload.encode(
      identity: identity, staticKey: staticKey, muxers: ["/yamux/1.0.0"])
    let payload = try NoiseIdentityPayload(bytes, staticKey: staticKey)
    #expect(payload.publicKey == .ed25519(identity.publicKey))
    #expect(payload.muxers == ["/yamux/1.0.0"])
  }

  private func pair(_ hex: String) throws -> NoiseKeyPair {
    NoiseKeyPair(privateKey: try Hex.decode(hex))
  }
}

private struct VectorMessage {
  let payloadHex: String
  let ciphertextHex: String
  func payload() throws -> Bytes { try Hex.decode(payloadHex) }
  func ciphertext() throws -> Bytes { try Hex.decode(ciphertextHex) }
}

private let vector = [
  VectorMessage(
    payloadHex: "4c756477696720766f6e204d69736573",
    ciphertextHex: "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944"
      + "4c756477696720766f6e204d69736573"),
  VectorMessage(
    payloadHex: "4d757272617920526f746862617264",
    ciphertextHex: "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843"
      + "81cbad1f276e038c48378ffce2b65285e08d6b68aaa3629a5a8639392490e5b9"
      + "bd5269c2f1e4f488ed8831161f19b7815528f8982ffe09be9b5c412f8a0db50f"
      + "8814c7194e83f23dbd8d162c9326ad"),
  VectorMessage(
    payloadHex: "462e20412e20486179656b",
    ciphertextHex: "c7195ffacac1307ff99046f219750fc47693e23c3cb08b89c2af808b444850a8"
      + "0ae475b9df0f169ae80a89be0865b57f58c9fea0d4ec82a286427402f113e4b6"
      + "ae769a1d95941d49b25030"),
  VectorMessage(
    payloadHex: "4361726c204d656e676572",
    ciphertextHex: "96763ed773f8e47bb3712f0e29b3060ffc956ffc146cee53d5e1df"),
  VectorMessage(
    payloadHex: "4a65616e2d426170746973746520536179",
    ciphertextHex: "3e40f15f6f3a46ae446b253bf8b1d9ffb6ed9b174d272328ff91a7e2e5c79c07f5"),
  VectorMessage(
    payloadHex: "457567656e2042f6686d20766f6e2042617765726b",
    ciphertextHex: "eb3f3515110702e047a6c9da4478b6ead94873c11c0f2d710ddb3f09fce024b3a58502ae3f"),
]
