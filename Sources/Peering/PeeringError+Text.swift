extension PeeringError: CustomStringConvertible {
  /// One lower-case sentence without a full stop.
  public var description: String {
    switch self {
    case .malformedMultiaddr(let found): found
    case .malformedProtobuf(let fault): "a protobuf message is malformed (\(fault))"
    case .multistreamLineTooLong(let bytes, let limit):
      "a multistream line of \(bytes) bytes exceeds \(limit)"
    case .multistreamMalformed: "what answers does not speak multistream"
    case .protocolsRefused(let names): "the other side refused \(names.joined(separator: ", "))"
    case .tooManyProposals(let limit): "the other side proposed more than \(limit) protocols"
    case .noiseMessageTooShort(let bytes, let needed):
      "a Noise message of \(bytes) bytes is shorter than \(needed)"
    case .noiseMessageOutOfPlace: "a Noise message is out of place"
    case .noiseTagMismatch: "a Noise message was changed or is of another key"
    case .weakPublicKey: "the other side's key is weak"
    case .identityPayload(let fault): "the other side does not prove who it is (\(fault))"
    case .wrongPeer(let expected, let actual):
      "the address names \(expected), but \(actual) answered"
    case .noCommonMuxer: "the other side has no muxer of ours"
    case .yamux(let violation): "the other side broke the rules of yamux (\(violation))"
    case .sendBacklog(let bytes, let limit): "\(bytes) bytes wait to be sent, the limit is \(limit)"
    case .noSuchStream: "there is no such stream"
    case .tooManyStreams(let limit): "\(limit) streams are open already"
    case .connectionNotOpen: "the connection is not open"
    case .malformedRPC(let found): "a call is malformed: \(found)"
    case .rpcFrameTooLong(let bytes, let limit): "a call of \(bytes) bytes exceeds \(limit)"
    case .malformedKademlia(let fault): "a Kademlia message is malformed (\(fault))"
    }
  }
}
