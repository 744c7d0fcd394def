import Cryptography
package import Primitives

/// An X25519 key pair; the private half is drawn by the caller.
package struct NoiseKeyPair: Sendable {
  /// 32 bytes nobody else may see.
  package let privateKey: Bytes
  /// The matching point.
  package let publicKey: Bytes

  /// Derives the public half of 32 private bytes.
  package init(privateKey: Bytes) {
    self.privateKey = privateKey
    publicKey = X25519.publicKey(of: privateKey)
  }
}

/// Who sends first.
package enum NoiseRole: Sendable { case initiator, responder }

/// The XX pattern (Noise §7.5): → e; ← e, ee, s, es; → s, se. Each message carries a payload.
package struct NoiseXX {
  private static let keyBytes = X25519.byteCount
  private static let sealedKeyBytes = X25519.byteCount + ChaChaPoly.tagByteCount
  private static let tagBytes = ChaChaPoly.tagByteCount

  private let role: NoiseRole
  private let staticKey: NoiseKeyPair
  private let ephemeralKey: NoiseKeyPair
  private var symmetric: NoiseSymmetricState
  private var remoteEphemeral = Bytes()

  /// The other side's static key, once it was read.
  package private(set) var remoteStatic = Bytes()

  /// Starts a handshake. `ephemeralKey` is fresh for each.
  package init(
    role: NoiseRole, staticKey: NoiseKeyPair, ephemeralKey: NoiseKeyPair, prologue: Bytes = []
  ) {
    self.role = role
    self.staticKey = staticKey
    self.ephemeralKey = ephemeralKey
    symmetric = NoiseSymmetricState(prologue: prologue)
  }

  /// The hash that binds the whole transcript.
  package var handshakeHash: Bytes { symmetric.handshakeHash }

  /// → e
  package mutating func writeFirst(payload: Bytes) -> Bytes {
    symmetric.mixHash(ephemeralKey.publicKey)
    return ephemeralKey.publicKey + symmetric.encryptAndHash(payload)
  }

  /// Reads `→ e` and returns its payload.
  package mutating func readFirst(_ message: Bytes) throws(PeeringError) -> Bytes {
    try require(message, bytes: Self.keyBytes)
    remoteEphemeral = Bytes(message.prefix(Self.keyBytes))
    symmetric.mixHash(remoteEphemeral)
    return try symmetric.decryptAndHash(Bytes(message.dropFirst(Self.keyBytes)))
  }

  /// ← e, ee, s, es
  package mutating func writeSecond(payload: Bytes) throws(PeeringError) -> Bytes {
    symmetric.mixHash(ephemeralKey.publicKey)
    symmetric.mixKey(try secret(ephemeralKey, remoteEphemeral))
    var message = ephemeralKey.publicKey
    message += symmetric.encryptAndHash(staticKey.publicKey)
    symmetric.mixKey(try secret(staticKey, remoteEphemeral))
    message += symmetric.encryptAndHash(payload)
    return message
  }

  /// Reads `← e, ee, s, es` and returns its payload.
  package mutating func readSecond(_ message: Bytes) throws(PeeringError) -> Bytes {
    try require(message, bytes: Self.keyBytes + Self.sealedKeyBytes + Self.tagBytes)
    remoteEphemeral = Bytes(message.prefix(Self.keyBytes))
    symmetric.mixHash(remoteEphemeral)
    symmetric.mixKey(try secret(ephemeralKey, remoteEphemeral))
    let rest = message.dropFirst(Self.keyBytes)
    remoteStatic = try symmetric.decryptAndHash(Bytes(rest.prefix(Self.sealedKeyBytes)))
    symmetric.mixKey(try secret(ephemeralKey, remoteStatic))
    return try symmetric.decryptAndHash(Bytes(rest.dropFirst(Self.sealedKeyBytes)))
  }

  /// → s, se
  package mutating func writeThird(payload: Bytes) throws(PeeringError) -> Bytes {
    var message = symmetric.encryptAndHash(staticKey.publicKey)
    symmetric.mixKey(try secret(staticKey, remoteEphemeral))
    message += symmetric.encryptAndHash(payload)
    return message
  }

  /// Reads `→ s, se` and returns its payload.
  package mutating func readThird(_ message: Bytes) throws(PeeringError) -> Bytes {
    try require(message, bytes: Self.sealedKeyBytes + Self.tagBytes)
    remoteStatic = try symmetric.decryptAndHash(Bytes(message.prefix(Self.sealedKeyBytes)))
    symmetric.mixKey(try secret(ephemeralKey, remoteStatic))
    return try symmetric.decryptAndHash(Bytes(message.dropFirst(Self.sealedKeyBytes)))
  }

  /// The two transport ciphers, after the third message.
  package func finish() -> (sending: NoiseCipher, receiving: NoiseCipher) {
    let ciphers = symmetric.split()
    switch role {
    case .initiator: return (ciphers.initiator, ciphers.responder)
    case .responder: return (ciphers.responder, ciphers.initiator)
    }
  }

  private func require(_ message: Bytes, bytes: Int) throws(PeeringError) {
    guard message.count >= bytes else {
      throw .noiseMessageTooShort(bytes: message.count, needed: bytes)
    }
  }

  private func secret(_ pair: NoiseKeyPair, _ publicKey: Bytes) throws(PeeringError) -> Bytes {
    do {
      return try X25519.sharedSecret(privateKey: pair.privateKey, publicKey: publicKey)
    } catch {
      throw .weakPublicKey
    }
  }
}
