package import Cryptography
package import Primitives

/// What a finished handshake leaves behind.
package struct NoiseSession {
  /// Encrypts what we send.
  package let sending: NoiseCipher
  /// Decrypts what the other side sends.
  package let receiving: NoiseCipher
  /// Who is on the other side, proven.
  package let remotePeer: PeerID
  /// The key that proves it, in protobuf form.
  package let remoteKey: Bytes
  /// The muxers the other side named.
  package let remoteMuxers: [String]
}

/// The libp2p Noise handshake: XX with an identity payload in the second and third message.
///
/// The initiator's first message carries no payload, because nothing protects it yet.
package struct NoiseHandshakeMachine {
  private enum State { case first, second, third, finished }

  private let role: NoiseRole
  private let payload: Bytes
  private let expectedPeer: PeerID?
  private var pattern: NoiseXX
  private var state = State.first

  /// The outcome, once the third message was written or read.
  package private(set) var session: NoiseSession?

  /// Prepares a handshake; `expectedPeer` is the identity a dialled address names.
  package init(
    role: NoiseRole, identity: SigningKey, staticKey: NoiseKeyPair, ephemeralKey: NoiseKeyPair,
    muxers: [String], expectedPeer: PeerID? = nil
  ) {
    self.role = role
    self.expectedPeer = expectedPeer
    payload = NoiseIdentityPayload.encode(
      identity: identity, staticKey: staticKey.publicKey, muxers: muxers)
    pattern = NoiseXX(role: role, staticKey: staticKey, ephemeralKey: ephemeralKey)
  }

  /// The initiator's first message.
  package mutating func start() -> Bytes {
    precondition(role == .initiator && state == .first)
    state = .second
    return pattern.writeFirst(payload: [])
  }

  /// Reads the next message; returns the answer where one is due.
  package mutating func receive(_ message: Bytes) throws(PeeringError) -> Bytes? {
    switch (role, state) {
    case (.responder, .first):
      _ = try pattern.readFirst(message)
      state = .third
      return try pattern.writeSecond(payload: payload)
    case (.initiator, .second):
      let remotePayload = try pattern.readSecond(message)
      let remote = try identity(in: remotePayload)
      let answer = try pattern.writeThird(payload: payload)
      finish(remote)
      return answer
    case (.responder, .third):
      let remotePayload = try pattern.readThird(message)
      finish(try identity(in: remotePayload))
      return nil
    case (.initiator, _), (.responder, .second), (.responder, .finished):
      throw .noiseMessageOutOfPlace
    }
  }

  private func identity(in payload: Bytes) throws(PeeringError) -> NoiseIdentityPayload {
    let identity = try NoiseIdentityPayload(payload, staticKey: pattern.remoteStatic)
    if let expectedPeer, identity.publicKey.peerID != expectedPeer {
      throw .wrongPeer(expected: expectedPeer, actual: identity.publicKey.peerID)
    }
    return identity
  }

  private mutating func finish(_ remote: NoiseIdentityPayload) {
    let ciphers = pattern.finish()
    state = .finished
    session = NoiseSession(
      sending: ciphers.sending, receiving: ciphers.receiving,
      remotePeer: remote.publicKey.peerID, remoteKey: remote.publicKey.protobuf,
      remoteMuxers: remote.muxers)
  }
}
