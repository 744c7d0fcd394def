import Cryptography
import Primitives
import Testing

@testable import Peering

/// Messages of topic `t`, data 01 02 and number 5, signed by `openssl dgst -sha256 -sign` with keys
/// that it made.
private enum ForeignAuthors {
  static let rsa =
    "080012a60230820122300d06092a864886f70d01010105000382010f003082010a0282010100953339a8fdd3"
    + "d0bbbe269b40ab88b509efb7b8c9b2895e8ab5d70485b79a54d6a31089d47e337ae2645c3f4ffaa5992b4bc4"
    + "077b44fa1579f1407f72ae47cadccaf334231408ef7c22d5b31de4f00c4e732c9b1a9fc876e71bd54ec87f9f"
    + "89aca13a90269f14e5df6434a55d2f7d502c562b6d55ee3e15e4a08f7a4f2d90622d161b5f28affa56c713df"
    + "65d56c2097f70ae5fbdf7005e5d280c8ee15e1893948ed5ef248df27f9d35adaaa2595021d98f5f21f0b0ca2"
    + "db41ce4320082b5fd573240363bfdb71dbb19c728b5c2c2238b52e30847d653a9cddd61943fb372e7d233d52"
    + "7414a3046d99d31828bf0981e79c110ebda353a40c810b229437433d6ebd0203010001"
  static let rsaSignature =
    "719b78f106706100a5bb6641418a48b376a9118f25bbc6e3ce259d7c6a3dfa24a53d2d01552c542bb3603976"
    + "328ac64e92309b5fb376a0122991eae4bce9fa4ed6496b4c2d5efa9c4283e22990b8ab8d88cc0f9f4a24c49a"
    + "50cbc875d6592c21707dabad618c0b8df4b860287f7c2749500d693a8bc86581959bf60afbb9bd029fba5a37"
    + "9537f66c477b65ef3eaaf4d3fea322daa1756c467d894b844e806b74d1d5b991e14110dac804ef6b9f602e1b"
    + "d680245f59d77807666b01c7489e4aa741c15a1339c0fb35b84e050f6e20f4568f4f6beafe14a31db560e124"
    + "e00c84fc48856e8ab2a420b1bcc9cd3d42612146378f4d81548148ced33adee099e0b67b"
  static let secp256k1 =
    "0802122103cb3f2bbfd516daf43c66720639ac3d19cf97cbebf2b049f1c92daaa9e66a2842"
  static let secp256k1Signature =
    "3044022073e3984e36c91932fbbc9b657048f94cb45e616218e702b5b32e7f38dd9385ec022072bdf6b53b7e"
    + "6d42d0c06047ccaeff128db8d4aded88320f208a090c9ac92b88"
  static let ecdsa =
    "0803125b3059301306072a8648ce3d020106082a8648ce3d030107034200047d08b3b991acc2a48e5a31c1f0"
    + "52b448920baff0763940472411a472348b3b7d82bc600e3395dcf43b5ea9bdd5b00607b8af4cf6d191397b99"
    + "b8e3a30c2a4075"
  static let ecdsaSignature =
    "304402207c86f4d3dffe6cfa75c0280f21f713da83ec1b21a482d9928e79257fac9eff9d022009c5e1c135d5"
    + "1c890032838446fca6168685ba3f9ed1cf104083c62cb97cad84"
}

@Suite("gossipsub: authors with keys of other kinds")
struct GossipForeignAuthorTests {
  @Test(
    "messages of RSA, secp256k1 and ECDSA authors are verified, and changed ones are not",
    arguments: [
      (ForeignAuthors.rsa, ForeignAuthors.rsaSignature),
      (ForeignAuthors.secp256k1, ForeignAuthors.secp256k1Signature),
      (ForeignAuthors.ecdsa, ForeignAuthors.ecdsaSignature),
    ])
  func foreign(key: String, signature: String) throws {
    let key = try Hex.decode(key)
    var message = GossipsubWireMessage(topic: "t", data: [1, 2])
    message.author = PeerID(protobufKey: key).bytes
    message.sequence = [0, 0, 0, 0, 0, 0, 0, 5]
    message.key = key
    message.signature = try Hex.decode(signature)
    #expect(GossipSignature.verify(message))
    let changes: [(inout GossipsubWireMessage) -> Void] = [
      { $0.data = [1, 3] }, { $0.sequence?[7] = 6 }, { $0.signature?[20] ^= 1 },
      { $0.author?[5] ^= 1 }, { $0.key?[12] ^= 1 }, { $0.key?.removeLast() },
      { $0.key = SigningKey.generate().publicKey.protobuf }, { $0.signature = [] },
    ]
    for change in changes {
      var changed = message
      change(&changed)
      #expect(!GossipSignature.verify(changed))
    }
  }

  @Test("a short key stands in its author's id, a long one must come with the message")
  func inlineKeys() throws {
    let short = try Hex.decode(ForeignAuthors.secp256k1)
    let long = try Hex.decode(ForeignAuthors.rsa)
    #expect(PeerID(protobufKey: short).inlineKey == short)
    #expect(PeerID(protobufKey: long).inlineKey == nil)
    var message = GossipsubWireMessage(topic: "t", data: [1, 2])
    message.author = PeerID(protobufKey: short).bytes
    message.sequence = [0, 0, 0, 0, 0, 0, 0, 5]
    message.signature = try Hex.decode(ForeignAuthors.secp256k1Signature)
    #expect(GossipSignature.verify(message))
    message.author = PeerID(protobufKey: long).bytes
    message.signature = try Hex.decode(ForeignAuthors.rsaSignature)
    #expect(!GossipSignature.verify(message))
  }
}
