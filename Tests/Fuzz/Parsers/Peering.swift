import Cryptography
import Peering
import Primitives

extension FuzzedParser {
  static let peering: [FuzzedParser] =
    kademlia + [
      FuzzedParser("multiaddr") { bytes in
        if let address = try? Multiaddr(bytes: bytes) { precondition(address.bytes == bytes) }
        _ = try? Multiaddr(String(decoding: bytes, as: UTF8.self))
      },
      FuzzedParser("network-file") { bytes in
        guard let file = try? NetworkFile(parsing: bytes) else { return }
        precondition((try? NetworkFile(parsing: file.text)) == file)
      },
      FuzzedParser("multistream") { bytes in
        var output = ByteQueue()
        var listener = MultistreamMachine(accepting: ["/noise", "/yamux/1.0.0"])
        var dialer = MultistreamMachine(proposing: ["/noise"], output: &output)
        bytes.withUnsafeBytes { input in
          _ = try? listener.receive(input, output: &output)
          _ = try? dialer.receive(input, output: &output)
        }
      },
      FuzzedParser("protobuf") { bytes in
        var reader = ProtobufReader(bytes[...])
        while let field = try? reader.next() { _ = field }
      },
      FuzzedParser("identify") { bytes in
        guard let message = try? IdentifyMessage(decoding: bytes) else { return }
        precondition((try? IdentifyMessage(decoding: message.encoded())) == message)
      },
      FuzzedParser("noise-payload") { bytes in
        _ = try? NoiseIdentityPayload(bytes, staticKey: keys.publicKey)
      },
      FuzzedParser("noise-handshake") { bytes in
        var responder = noise(.responder)
        _ = try? responder.receive(bytes)
        _ = try? responder.receive(bytes)
        var initiator = noise(.initiator)
        _ = initiator.start()
        _ = try? initiator.receive(bytes)
      },
      FuzzedParser("peer-public-key") { bytes in
        guard let key = try? PeerPublicKey(protobuf: bytes) else { return }
        precondition(key.protobuf == bytes)
        precondition(!key.verify(bytes, of: bytes))
      },
      FuzzedParser("signed-peer-record") { bytes in
        _ = try? SignedPeerRecord(decoding: bytes)
        var record = SignedPeerRecord(sequence: 1, addresses: [], by: identity).envelope
        for (index, byte) in bytes.prefix(record.count).enumerated() { record[index] ^= byte }
        _ = try? SignedPeerRecord(decoding: record)
      },
      FuzzedParser("address-block") { bytes in
        guard let block = try? AddressBlock(String(decoding: bytes, as: UTF8.self)) else { return }
        _ = block.contains([127, 0, 0, 1])
        _ = block.contains(Bytes(repeating: 0, count: 16))
      },
      FuzzedParser("yamux") { bytes in yamux(bytes) },
      FuzzedParser("connection") { bytes in connection(bytes) },
      FuzzedParser("rpc-frame") { bytes in
        var input = ByteQueue()
        input.append(bytes)
        while let frame = try? RPCFraming.next(in: &input, limit: 1 << 16) {
          _ = try? RPCFraming.request(frame)
          _ = try? RPCFraming.response(frame)
        }
      },
      canonical("rpc-request", as: RPCRequest.self),
      canonical("rpc-response", as: RPCResponse.self),
      FuzzedParser("swim-message") { bytes in
        guard let message = try? SWIMProtocol.decode(bytes) else { return }
        precondition(message.encoded() == bytes)
      },
      FuzzedParser("swim-frame") { bytes in
        guard let frame = try? SWIMFrame.decode(bytes) else { return }
        precondition(frame.encoded() == bytes)
      },
      FuzzedParser("cluster-frame") { bytes in
        guard let frame = try? ClusterFrame.decode(bytes) else { return }
        precondition(frame.encoded() == bytes)
      },
      canonical("cluster", as: ClusterID.self),
      FuzzedParser("capability-digest") { bytes in
        guard let digest = try? CapabilityDigest(decoding: bytes) else { return }
        precondition(digest.encoded() == bytes)
        _ = try? digest.check(of: digest.cluster, now: 0)
      },
      canonical("network-invitation", as: NetworkInvitation.self),
    ]

  private static let identity = try! SigningKey(seed: Bytes(1...32))
  private static let keys = NoiseKeyPair(privateKey: Bytes(33...64))

  private static func noise(_ role: NoiseRole) -> NoiseHandshakeMachine {
    NoiseHandshakeMachine(
      role: role, identity: identity, staticKey: keys, ephemeralKey: keys, muxers: [])
  }

  /// Both ends of one multiplexer read the same bytes, and its owner reads what arrived.
  private static func yamux(_ bytes: Bytes) {
    for weAreClient in [true, false] {
      var machine = YamuxMachine(weAreClient: weAreClient)
      var output = ByteQueue()
      var events: [YamuxEvent] = []
      let stream = try? machine.open(output: &output)
      bytes.withUnsafeBytes { input in
        _ = try? machine.receive(input, output: &output, events: &events)
      }
      for stream in [stream ?? 1, 1, 2, 3] {
        machine.consume(machine.available(on: stream), of: stream, output: &output)
        machine.finish(stream, output: &output)
      }
    }
  }

  private static func connection(_ bytes: Bytes) {
    for role in [NoiseRole.initiator, .responder] {
      var machine = ConnectionMachine(
        role: role, identity: identity, staticKey: keys, ephemeralKey: keys,
        protocols: ["/fuzz/1.0.0"], identify: IdentifyMessage())
      var events: [ConnectionEvent] = []
      machine.inbox.append(bytes)
      _ = try? machine.receive(events: &events)
    }
  }
}
