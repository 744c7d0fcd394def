import Cryptography
package import Primitives

extension ConnectionMachine {
  /// A connection inside a simulation, as it is after the handshake: frames are those of Noise, but
  /// nothing is encrypted and tags are zeros, so that a seed costs a second and not minutes.
  ///
  /// Only `Simulator` may call it; `LayerTests` holds that.
  package init(
    simulated role: NoiseRole, remoteKey: Bytes, protocols: [String], identify: IdentifyMessage
  ) {
    self.role = role
    self.identify = identify
    served = Self.builtIn + protocols
    yamux = YamuxMachine(weAreClient: role == .initiator)
    phase = .open
    handshake = nil
    let session = NoiseSession(
      sending: NoiseCipher.simulated(), receiving: NoiseCipher.simulated(),
      remotePeer: PeerID(protobufKey: remoteKey), remoteKey: remoteKey,
      remoteMuxers: Self.muxerProtocols)
    self.session = session
    outbox.encrypt(with: session.sending)
  }
}
