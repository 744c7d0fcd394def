import Cryptography
import Primitives

/// The symmetric state of a Noise handshake (Noise Protocol Framework, revision 34, §5.2) with
/// ChaCha20-Poly1305 and SHA-256.
struct NoiseSymmetricState {
  /// Exactly 32 bytes, so it is itself the first hash (§5.2, InitializeSymmetric).
  private static let protocolName = Bytes("Noise_XX_25519_ChaChaPoly_SHA256".utf8)

  private var chainingKey: Bytes
  private(set) var handshakeHash: Bytes
  private var cipher: NoiseCipher?

  init(prologue: Bytes) {
    handshakeHash = Self.protocolName
    chainingKey = Self.protocolName
    mixHash(prologue)
  }

  mutating func mixHash(_ data: Bytes) {
    handshakeHash = SHA256.hash(handshakeHash, data).bytes
  }

  mutating func mixKey(_ inputKey: Bytes) {
    let (first, second) = derive(inputKey)
    chainingKey = first
    cipher = NoiseCipher(key: second)
  }

  mutating func encryptAndHash(_ plaintext: Bytes) -> Bytes {
    let output = cipher?.seal(plaintext, authenticating: handshakeHash) ?? plaintext
    mixHash(output)
    return output
  }

  mutating func decryptAndHash(_ input: Bytes) throws(PeeringError) -> Bytes {
    guard let cipher else {
      mixHash(input)
      return input
    }
    let plaintext = try cipher.open(input, authenticating: handshakeHash)
    mixHash(input)
    return plaintext
  }

  /// The initiator's and the responder's sending cipher (§5.2, Split).
  func split() -> (initiator: NoiseCipher, responder: NoiseCipher) {
    let (first, second) = derive([])
    return (NoiseCipher(key: first), NoiseCipher(key: second))
  }

  /// HKDF with two outputs (§4.3).
  private func derive(_ inputKey: Bytes) -> (Bytes, Bytes) {
    let pseudorandomKey = HKDFSHA256.extract(salt: chainingKey, inputKey: inputKey)
    let output = HKDFSHA256.expand(
      pseudorandomKey: pseudorandomKey, info: [], count: 2 * Digest.byteCount)
    return (Bytes(output.prefix(Digest.byteCount)), Bytes(output.suffix(Digest.byteCount)))
  }
}
