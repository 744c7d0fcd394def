import Cryptography
import Peering
import Primitives

extension FuzzedParser {
  static let reachability: [FuzzedParser] = [
    FuzzedParser("dns-text-answer") { bytes in
      _ = (try? DNSTextAnswer(decoding: bytes))?.addresses
    },
    FuzzedParser("private-network-key") { bytes in
      guard let key = try? PrivateNetworkKey(file: bytes) else { return }
      precondition((try? PrivateNetworkKey(file: key.file)) == key)
    },
    FuzzedParser("relay-hop") { bytes in
      guard let message = try? RelayMessage(decoding: bytes, .hop) else { return }
      precondition((try? RelayMessage(decoding: message.encoded(.hop), .hop)) == message)
    },
    FuzzedParser("relay-stop") { bytes in
      guard let message = try? RelayMessage(decoding: bytes, .stop) else { return }
      precondition((try? RelayMessage(decoding: message.encoded(.stop), .stop)) == message)
    },
    FuzzedParser("relay-voucher") { bytes in
      _ = try? RelayVoucher(decoding: bytes)
      let key = try! SigningKey(seed: Bytes(1...32))
      let peer = key.publicKey.peerID
      var sealed = RelayVoucher(relay: peer, peer: peer, expires: 1).sealed(by: key)
      for (index, byte) in bytes.prefix(sealed.count).enumerated() { sealed[index] ^= byte }
      _ = try? RelayVoucher(decoding: sealed)
    },
    FuzzedParser("circuit-address") { bytes in
      guard let address = try? Multiaddr(bytes: bytes) else { return }
      _ = address.isDialable
      guard let circuit = CircuitAddress(address), let relay = circuit.relayAddress else { return }
      precondition(relay.peer == circuit.relay)
      precondition(!relay.isRelayed)
    },
    FuzzedParser("autonat") { bytes in
      guard let message = try? AutoNATMessage(decoding: bytes) else { return }
      precondition((try? AutoNATMessage(decoding: message.encoded())) == message)
    },
    FuzzedParser("address-check") { bytes in
      _ = try? DialBackMessage.nonce(in: bytes)
      guard let message = try? AddressCheckMessage(decoding: bytes) else { return }
      precondition((try? AddressCheckMessage(decoding: message.encoded())) == message)
    },
    FuzzedParser("hole-punch") { bytes in
      guard let message = try? HolePunchMessage(decoding: bytes) else { return }
      precondition((try? HolePunchMessage(decoding: message.encoded())) == message)
      for leads in [true, false] {
        var machine = HolePunchMachine(leads: leads, ownAddresses: [])
        for event: HolePunchEvent in [
          .begin, .received(message), .received(.sync), .attemptEnded(isConnected: false),
          .received(message),
        ] {
          for case .dial(let addresses, _, _) in machine.handle(event, now: .zero) {
            precondition(addresses.allSatisfy { AddressGroup.scope(of: $0) == .global })
          }
        }
      }
    },
  ]
}
