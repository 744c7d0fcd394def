public import Cryptography

/// Why bytes of a peer, or an address, were refused.
public enum PeeringError: Error, Equatable, Sendable {
  /// A multiaddr that is not one of ours; the text says what was found.
  case malformedMultiaddr(String)
  /// A protobuf message that breaks the encoding.
  case malformedProtobuf(ProtobufFault)
  /// A multistream line longer than the limit.
  case multistreamLineTooLong(bytes: Int, limit: Int)
  /// A multistream line without its line feed, or not the expected header.
  case multistreamMalformed
  /// The other side refused each protocol we proposed.
  case protocolsRefused([String])
  /// The other side proposed more protocols than we listen to.
  case tooManyProposals(limit: Int)
  /// A Noise message shorter than its keys and tags.
  case noiseMessageTooShort(bytes: Int, needed: Int)
  /// A Noise message longer than a frame can be, or handed to a handshake that is over.
  case noiseMessageOutOfPlace
  /// A Noise tag did not match: changed bytes or another key.
  case noiseTagMismatch
  /// An X25519 public key of low order.
  case weakPublicKey
  /// The identity payload of the handshake is not a signed key.
  case identityPayload(IdentityFault)
  /// Another identity answered than the address names.
  case wrongPeer(expected: PeerID, actual: PeerID)
  /// The other side named muxers and none is ours.
  case noCommonMuxer
  /// The muxer's rules were broken.
  case yamux(YamuxViolation)
  /// More bytes wait to be sent than a connection may hold.
  case sendBacklog(bytes: Int, limit: Int)
  /// A stream that does not exist or is closed.
  case noSuchStream
  /// This many streams are open already.
  case tooManyStreams(limit: Int)
  /// The connection is not yet open, or no longer.
  case connectionNotOpen
  /// An rpc frame that is not well formed; the text says what was found.
  case malformedRPC(String)
  /// An rpc frame longer than the limit.
  case rpcFrameTooLong(bytes: UInt64, limit: Int)
  /// A Kademlia message that no node of ours takes.
  case malformedKademlia(KademliaFault)
}

/// What is wrong with a Kademlia message.
public enum KademliaFault: Error, Equatable, Sendable {
  /// More bytes than a message may have.
  case tooLong(bytes: Int, limit: Int)
  /// A key longer than any we know.
  case keyTooLong(bytes: Int, limit: Int)
  /// A type that is not defined.
  case unknownType(UInt64)
}

/// What is wrong with a protobuf message.
public enum ProtobufFault: Error, Equatable, Sendable {
  /// The message ends inside a field.
  case truncated
  /// A variable-length integer above 64 bits.
  case varintTooLong
  /// A wire type that is not defined, or the retired groups.
  case wireType(UInt8)
  /// A field number of zero.
  case fieldZero
  /// More fields than a message may have.
  case tooManyFields(limit: Int)
}

/// What is wrong with a handshake's identity payload.
public enum IdentityFault: Equatable, Sendable {
  /// No key, one of a kind we do not know, or not in its one proper encoding.
  case keyNotSupported
  /// The signature is not by the key over the Noise static key.
  case signatureMismatch
  /// More muxers than a peer may name.
  case tooManyMuxers(limit: Int)
}

/// Which of the muxer's rules was broken.
public enum YamuxViolation: Equatable, Sendable {
  /// A version other than 0.
  case version(UInt8)
  /// A frame type above 3.
  case frameType(UInt8)
  /// A flag that is not defined.
  case flags(UInt16)
  /// A new stream under a number that is not the opener's, or that is in use.
  case streamNumber(UInt32)
  /// More data than the window allows.
  case windowExceeded(stream: UInt32, bytes: UInt32, window: Int)
  /// A send window pushed above 32 bits.
  case windowOverflow(stream: UInt32)
  /// The streams of the session hold more unread bytes than it may.
  case sessionMemory(limit: Int)
}
