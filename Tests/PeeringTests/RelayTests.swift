import Cryptography
import Peering
import Primitives
import Testing

@Suite("relay messages")
struct RelayMessageTests {
  static let alice = try! SigningKey(seed: Bytes(repeating: 1, count: 32))
  static let relay = try! SigningKey(seed: Bytes(repeating: 2, count: 32))
  static let address = try! Multiaddr("/ip4/203.0.113.7/tcp/4001")

  static var samples: [(RelayMessage, RelayMessage.Dialect)] {
    let peer = alice.publicKey.peerID
    let voucher = RelayVoucher(relay: relay.publicKey.peerID, peer: peer, expires: 2_000_000_000)
    let reservation = RelayReservation(
      expires: 2_000_000_000, addresses: [address.naming(relay.publicKey.peerID)],
      voucher: voucher.sealed(by: relay))
    let limit = RelayLimit(seconds: 120, bytes: 131_072)
    return [
      (RelayMessage(.reserve), .hop), (RelayMessage(.connect(peer)), .hop),
      (RelayMessage(.status(.ok), reservation: reservation, limit: limit), .hop),
      (RelayMessage(.status(.noReservation)), .hop),
      (RelayMessage(.connect(peer), limit: limit), .stop),
      (RelayMessage(.status(.connectionFailed)), .stop),
    ]
  }

  @Test("each message comes back as it was, in the dialect it was written in")
  func roundTrip() throws {
    for (message, dialect) in Self.samples {
      #expect(try RelayMessage(decoding: message.encoded(dialect), dialect) == message)
    }
    // The numbers of the specification's protobuf: type 2, status 5 = 204.
    #expect(RelayMessage(.status(.noReservation)).encoded(.hop) == [8, 2, 40, 204, 1])
    #expect(RelayMessage(.status(.noReservation)).encoded(.stop) == [8, 1, 32, 204, 1])
    #expect(RelayMessage(.reserve).encoded(.hop) == [8, 0])
  }

  @Test("a cut or changed message is refused or another one, and never more than it")
  func damage() {
    for (message, dialect) in Self.samples {
      let bytes = message.encoded(dialect)
      for count in 0..<bytes.count {
        _ = try? RelayMessage(decoding: Bytes(bytes.prefix(count)), dialect)
      }
      for bit in 0..<(bytes.count * 8) {
        var flipped = bytes
        flipped[bit / 8] ^= 1 << (bit % 8)
        guard let other = try? RelayMessage(decoding: flipped, dialect) else { continue }
        #expect((try? RelayMessage(decoding: other.encoded(dialect), dialect)) == other)
      }
    }
    #expect(throws: RelayFault.type(nil)) { _ = try RelayMessage(decoding: [], .hop) }
    #expect(throws: RelayFault.peer) { _ = try RelayMessage(decoding: [8, 1], .hop) }
    #expect(throws: RelayFault.status(7)) {
      _ = try RelayMessage(decoding: [8, 2, 40, 7], .hop)
    }
    let long = Bytes(repeating: 0, count: 4_097)
    #expect(throws: RelayFault.tooLong(bytes: 4_097, limit: 4_096)) {
      _ = try RelayMessage(decoding: long, .stop)
    }
  }

  @Test("a voucher counts only under the key of the relay it names")
  func vouchers() throws {
    let (relay, peer) = (Self.relay.publicKey.peerID, Self.alice.publicKey.peerID)
    let voucher = RelayVoucher(relay: relay, peer: peer, expires: 9)
    let sealed = voucher.sealed(by: Self.relay)
    #expect(try RelayVoucher(decoding: sealed) == voucher)
    #expect(throws: EnvelopeFault.otherPeer(record: relay, signer: peer)) {
      _ = try RelayVoucher(decoding: voucher.sealed(by: Self.alice))
    }
    for bit in 0..<(sealed.count * 8) {
      var flipped = sealed
      flipped[bit / 8] ^= 1 << (bit % 8)
      #expect((try? RelayVoucher(decoding: flipped)).map { $0 == voucher } ?? true)
    }
    for count in 0..<sealed.count {
      #expect((try? RelayVoucher(decoding: Bytes(sealed.prefix(count)))) == nil)
    }
  }

  @Test("circuit addresses are taken apart, and circles of relays are none")
  func circuitAddresses() throws {
    let (relay, peer) = (Self.relay.publicKey.peerID, Self.alice.publicKey.peerID)
    let whole = CircuitAddress.make(through: Self.address.naming(relay), to: peer)
    #expect(whole.description == "/ip4/203.0.113.7/tcp/4001/p2p/\(relay)/p2p-circuit/p2p/\(peer)")
    let circuit = try #require(CircuitAddress(whole))
    #expect(circuit.relay == relay)
    #expect(circuit.relayAddress == Self.address.naming(relay))
    #expect(whole.isDialable)
    let named = try #require(CircuitAddress(Multiaddr("/p2p/\(relay)/p2p-circuit")))
    #expect(named.relay == relay)
    #expect(named.relayAddress == nil)
    #expect(CircuitAddress(Self.address.naming(peer)) == nil)
    #expect(try CircuitAddress(Multiaddr("\(whole)/p2p-circuit")) == nil)
    #expect(try !Multiaddr("\(whole)/p2p-circuit").isDialable)
    #expect(try !Multiaddr("/ip4/1.2.3.4/udp/1/quic-v1/p2p/\(relay)/p2p-circuit").isDialable)
  }
}

@Suite("what a relay grants")
struct RelayServerMachineTests {
  /// Peer n is in group n / 100; group 0 counts for nobody.
  private struct Groups: PeerDirectory {
    func key(of peer: PeerHandle) -> DistanceKey { DistanceKey(words: (0, 0, 0, 0)) }
    func addressGroup(of peer: PeerHandle) -> UInt32 { peer.index / 100 }
  }

  private func limits() -> RelayServerLimits {
    var limits = RelayServerLimits()
    limits.reservationsMax = 6
    limits.reservationsPerGroupMax = 2
    limits.circuitsMax = 3
    limits.circuitsPerPeerMax = 2
    return limits
  }

  private func reserve(
    _ machine: inout RelayServerMachine, _ peer: UInt32, now: Tick = .zero, isRelayed: Bool = false
  ) -> RelayServerEffect? {
    machine.handle(
      .reserve(by: PeerHandle(peer), isRelayed: isRelayed), now: now, directory: Groups()
    ).first
  }

  private func connect(
    _ machine: inout RelayServerMachine, _ circuit: UInt32, _ from: UInt32, _ to: UInt32,
    now: Tick = .zero
  ) -> RelayServerEffect? {
    machine.handle(
      .connect(
        circuit: circuit, from: PeerHandle(from), to: PeerHandle(to), isRelayed: false),
      now: now, directory: Groups()
    ).first
  }

  @Test("one address group cannot take all reservations, and a full relay refuses")
  func reservations() {
    var machine = RelayServerMachine(limits: limits())
    let refused = RelayStatus.reservationRefused
    #expect(reserve(&machine, 100) == .reserved(PeerHandle(100), for: .seconds(3_600)))
    #expect(reserve(&machine, 101) == .reserved(PeerHandle(101), for: .seconds(3_600)))
    #expect(reserve(&machine, 102) == .reservationRefused(PeerHandle(102), refused))
    #expect(reserve(&machine, 100) == .reserved(PeerHandle(100), for: .seconds(3_600)))
    for peer: UInt32 in [1, 2, 3, 4] { _ = reserve(&machine, peer) }
    #expect(machine.reservationCount == 6)
    #expect(reserve(&machine, 200) == .reservationRefused(PeerHandle(200), refused))
    #expect(
      reserve(&machine, 201, isRelayed: true)
        == .reservationRefused(PeerHandle(201), .permissionDenied))
    _ = machine.handle(.disconnected(PeerHandle(100)), now: .zero, directory: Groups())
    #expect(reserve(&machine, 200) == .reserved(PeerHandle(200), for: .seconds(3_600)))
  }

  @Test("a circuit needs a reservation that stands, and no peer has too many")
  func circuits() {
    var machine = RelayServerMachine(limits: limits())
    #expect(connect(&machine, 0, 1, 2) == .answer(circuit: 0, .noReservation))
    for peer: UInt32 in [2, 3] { _ = reserve(&machine, peer) }
    #expect(
      connect(&machine, 1, 1, 2)
        == .openStop(circuit: 1, to: PeerHandle(2), from: PeerHandle(1)))
    #expect(connect(&machine, 1, 5, 3) == .answer(circuit: 1, .permissionDenied))
    _ = connect(&machine, 2, 1, 3)
    #expect(connect(&machine, 3, 1, 2) == .answer(circuit: 3, .resourceLimitExceeded))
    _ = connect(&machine, 4, 4, 2)
    #expect(connect(&machine, 5, 6, 3) == .answer(circuit: 5, .resourceLimitExceeded))
    #expect(connect(&machine, 6, 2, 2) == .answer(circuit: 6, .noReservation))
    _ = machine.handle(.ended(circuit: 1), now: .zero, directory: Groups())
    #expect(connect(&machine, 7, 1, 3) != .answer(circuit: 7, .resourceLimitExceeded))
    let late = Tick.zero.advanced(by: .seconds(3_600))
    _ = machine.handle(.tick, now: late, directory: Groups())
    #expect(connect(&machine, 8, 8, 2, now: late) == .answer(circuit: 8, .noReservation))
  }

  @Test("a circuit is given up when either direction or its time is used up")
  func meter() {
    var machine = RelayServerMachine(limits: limits())
    _ = reserve(&machine, 2)
    for circuit: UInt32 in [1, 2] {
      _ = connect(&machine, circuit, circuit + 10, 2)
      let opened = machine.handle(
        .stopAnswered(circuit: circuit, .ok), now: .zero, directory: Groups())
      #expect(opened == [.answer(circuit: circuit, .ok)])
    }
    func carry(_ circuit: UInt32, _ fromCaller: Bool, _ bytes: Int) -> [RelayServerEffect] {
      machine.handle(
        .carried(circuit: circuit, fromCaller: fromCaller, bytes: bytes), now: .zero,
        directory: Groups())
    }
    #expect(carry(1, true, 131_072).isEmpty)
    #expect(carry(1, false, 131_072).isEmpty)
    #expect(carry(1, false, 1) == [.reset(circuit: 1)])
    #expect(carry(1, true, 1).isEmpty)
    #expect(!machine.isOpen(1))
    #expect(machine.isOpen(2))
    let over = Tick.zero.advanced(by: .seconds(120))
    #expect(machine.nextWake == over)
    #expect(machine.handle(.tick, now: over, directory: Groups()) == [.reset(circuit: 2)])
    #expect(machine.circuitCount == 0)
  }

  @Test("a peer that does not take the circuit is reported to the caller, and nothing stays")
  func refusedStop() {
    var machine = RelayServerMachine(limits: limits())
    _ = reserve(&machine, 2)
    _ = connect(&machine, 1, 1, 2)
    let effects = machine.handle(
      .stopAnswered(circuit: 1, .connectionFailed), now: .zero, directory: Groups())
    #expect(effects == [.answer(circuit: 1, .connectionFailed)])
    #expect(machine.circuitCount == 0)
  }
}
