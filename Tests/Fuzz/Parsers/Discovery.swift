import Cryptography
import Peering
import Primitives

extension FuzzedParser {
  static let discovery: [FuzzedParser] = [
    FuzzedParser("dns-message") { bytes in
      guard let message = try? DNSMessage(decoding: bytes) else { return }
      let encoded = message.encoded()
      // Written again it may be longer: a pointer may lead into the middle of anything.
      guard encoded.count <= DNSLimits.messageBytesMax else { return }
      precondition((try? DNSMessage(decoding: encoded)) == message)
    },
    // The packet is heard on a real link and on the loopback link.
    FuzzedParser("mdns-packet") { bytes in
      for isLoopback in [false, true] { hear(bytes, isLoopback: isLoopback) }
    },
    FuzzedParser("rendezvous-message") { bytes in
      guard let message = try? RendezvousMessage(decoding: bytes) else { return }
      precondition((try? RendezvousMessage(decoding: message.encoded())) == message)
      for takesUnsigned in [false, true] { serve(message, takesUnsigned: takesUnsigned) }
    },
    FuzzedParser("rendezvous-record") { bytes in
      guard let record = RendezvousRecord(decoding: bytes) else { return }
      guard case .unsigned(let peer, _)? = RendezvousRecord(decoding: record.withoutSignature)
      else { preconditionFailure("its own form is read") }
      precondition(peer == record.peer)
    },
    // Changes a cookie: none but the unchanged one opens.
    FuzzedParser("rendezvous-cookie") { bytes in
      let secret = Bytes(1...32)
      var sealed = RendezvousCookie(number: 7).sealed(for: "n", by: secret)
      let original = sealed
      for (index, byte) in bytes.prefix(sealed.count).enumerated() { sealed[index] ^= byte }
      let opened = RendezvousCookie(opening: sealed, for: "n", by: secret)
      precondition((opened != nil) == (sealed == original))
      _ = RendezvousCookie(opening: bytes, for: "n", by: secret)
    },
  ]

  private static let own = try! SigningKey(seed: Bytes(1...32)).publicKey.peerID

  private static func hear(_ bytes: Bytes, isLoopback: Bool) {
    var machine = MDNSMachine(peer: own, instance: String(repeating: "x", count: 32))!
    var random = SplitMix64(seed: 1)
    var effects: [MDNSEffect] = []
    let ip: Bytes = isLoopback ? [127, 0, 0, 1] : [10, 0, 0, 1]
    let link = MDNSLink(
      number: 1, isLoopback: isLoopback, addresses: [.init(ip: ip, prefixLength: 8)])
    let events: [MDNSEvent] = [
      .ownAddresses([Multiaddr([.ip4(ip), .tcp(1)])]), .links([link]),
      .received(bytes, link: 1, from: ip, port: MDNSLimits.port),
    ]
    for event in events {
      machine.handle(event, now: .zero, random: &random, effects: &effects)
    }
    var ticks = 0
    while let wake = machine.nextWake, ticks < 8 {
      ticks += 1
      machine.handle(.tick, now: wake, random: &random, effects: &effects)
    }
    for effect in effects {
      switch effect {
      case .found(let peer, let addresses):
        precondition(peer != own)
        precondition((1...MDNSLimits.addressesMax).contains(addresses.count))
        precondition(addresses.allSatisfy { !$0.isRelayed && $0.ipBytes != nil })
      case .send(let sent, _): precondition((try? DNSMessage(decoding: sent)) != nil)
      case .lost: break
      }
    }
  }

  private static func serve(_ message: RendezvousMessage, takesUnsigned: Bool) {
    var limits = RendezvousServerLimits()
    limits.takesUnsigned = takesUnsigned
    var machine = RendezvousServerMachine(limits: limits, secret: Bytes(1...32))
    var sender = own
    if case .register(let entry) = message,
      let record = RendezvousRecord(decoding: entry.record)
    {
      sender = record.peer
    }
    for _ in 0..<2 {
      for effect in machine.handle(.received(message, from: sender, group: 1), now: .zero) {
        guard case .answer(let answer) = effect else { continue }
        precondition((try? RendezvousMessage(decoding: answer.encoded())) == answer)
      }
    }
    precondition(machine.registrationCount <= 1)
  }
}
