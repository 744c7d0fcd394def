import Cryptography
import Glibc
import Primitives
import Telemetry
import Testing

@testable import Networking
@testable import Peering

@Suite("hostile peers: floods and lies", .timeLimit(.minutes(5)))
struct HostileFloodTests {
  @Test("connections from one address, or one network, leave room for everybody else")
  func connectionFlood() async throws {
    var settings = PeerHostSettings()
    settings.limitsLoopback = true
    settings.limits.inboundPerAddressMax = 3
    settings.limits.inboundPerNetworkMax = 5
    try await AttackedHost.run(settings) { attacked in
      var open: [Socket] = []
      func connect(from host: String, admits: Bool) async throws {
        let before = await attacked.host.budget.inbound
        let socket = try await HostilePeer.plainSocket(
          to: attacked.address, from: host, on: attacked.loop)
        open.append(socket)
        if admits {
          while await attacked.host.budget.inbound == before {
            try await attacked.loop.sleep(for: .milliseconds(2))
          }
        } else {
          while !socket.isAtEnd { try await attacked.loop.sleep(for: .milliseconds(2)) }
          #expect(await attacked.host.budget.inbound == before)
        }
      }
      for _ in 0..<3 { try await connect(from: "127.3.0.1", admits: true) }
      try await connect(from: "127.3.0.1", admits: false)
      for _ in 0..<2 { try await connect(from: "127.3.0.2", admits: true) }
      try await connect(from: "127.3.0.3", admits: false)
      try await connect(from: "127.4.0.1", admits: true)
      let report = await attacked.host.peersReport().text()
      #expect(report.contains("inboundPerAddressMax"))
      #expect(report.contains("inboundPerNetworkMax"))
      for socket in open { socket.close() }
    }
  }

  @Test("while others hold every inbound slot the host still reaches whom it chooses")
  func slotExhaustion() async throws {
    var settings = PeerHostSettings()
    settings.limits.connectionsMax = 6
    settings.limits.outboundReserved = 4
    try await AttackedHost.run(settings) { attacked in
      let friend = PeerHost(
        loop: attacked.loop, identity: .generate(), settings: PeerHostSettings(), protocols: [])
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await friend.run() }
        let address = try await friend.listen(on: Multiaddr("/ip4/127.0.0.1/tcp/0"))
        try await attacked.attacked { _ in
          try await attacked.attacked { _ in
            let late = try await HostilePeer.plainSocket(to: attacked.address, on: attacked.loop)
            while !late.isAtEnd { try await attacked.loop.sleep(for: .milliseconds(2)) }
            late.close()
            let connection = try await attacked.host.connect(to: friend.peerID, at: [address])
            #expect(await connection.provenPeer == friend.peerID)
          }
        }
        await friend.stop()
        try await group.waitForAll()
      }
    }
  }

  @Test("an older signed record that is told again changes nothing")
  func replayedRecord() async throws {
    try await AttackedHost.run { attacked in
      try await attacked.attacked(protocols: [IdentifyMessage.pushProtocolID]) { peer in
        func record(_ sequence: UInt64, port: UInt16) throws -> IdentifyMessage {
          var message = IdentifyMessage()
          let address = try Multiaddr("/ip4/8.8.8.8/tcp/\(port)")
          message.signedPeerRecord =
            SignedPeerRecord(sequence: sequence, addresses: [address], by: peer.identity).envelope
          message.agentVersion = "record \(sequence)"
          return message
        }
        func tell(_ message: IdentifyMessage) async throws {
          let bytes = message.encoded()
          let stream = try await peer.say(
            Varint.encode(UInt64(bytes.count)) + bytes, on: IdentifyMessage.pushProtocolID)
          peer.machine.finish(stream)
          try await peer.flush()
          while await attacked.record(of: peer.peerID)?.agent != message.agentVersion {
            try await attacked.loop.sleep(for: .milliseconds(2))
          }
        }
        let old = try record(7, port: 4_007)
        try await tell(old)
        try await tell(record(9, port: 4_009))
        try await tell(old)
        let known = await attacked.record(of: peer.peerID)
        #expect(known?.recordSequence == 9)
        let told = known?.addresses.filter { $0.source == .signed }.map { "\($0.address)" }
        #expect(told == ["/ip4/8.8.8.8/tcp/4009"])
      }
    }
  }

  @Test("an address that one place claims to see us at is not told to others")
  func observedLies() async throws {
    try await AttackedHost.run { attacked in
      for number in 0..<6 {
        try await attacked.attacked(protocols: [IdentifyMessage.pushProtocolID]) { peer in
          var message = IdentifyMessage()
          message.observedAddress = try Multiaddr("/ip4/8.8.4.4/tcp/4001").bytes
          message.agentVersion = "liar \(number)"
          let bytes = message.encoded()
          let stream = try await peer.say(
            Varint.encode(UInt64(bytes.count)) + bytes, on: IdentifyMessage.pushProtocolID)
          peer.machine.finish(stream)
          try await peer.flush()
          while await attacked.record(of: peer.peerID)?.agent != message.agentVersion {
            try await attacked.loop.sleep(for: .milliseconds(2))
          }
        }
      }
      let told = await attacked.host.ownAddresses().map(\.description)
      #expect(!told.contains { $0.contains("8.8.4.4") })
    }
  }

  /// Messages of one author, each the number that it has.
  private static func news(_ count: UInt8, by author: SigningKey) -> GossipsubRPC {
    var rpc = GossipsubRPC()
    rpc.messages = (0..<count).map { number in
      GossipSignature.signed(topic: "news", data: [number], sequence: UInt64(number), by: author)
    }
    return rpc
  }

  /// A router of the host that listens to news as long as it is kept, and what it has heard.
  private static func listener(
    on host: PeerHost, signatures: ComputePool = GossipsubShell.signaturePool
  ) async throws -> (GossipsubShell, Lock<[Bytes]>) {
    let heard = Lock<[Bytes]>([])
    let gossip = await GossipsubShell(
      host: host, configuration: try GossipsubConfiguration(), signatures: signatures,
      deliver: { message, _ in heard.withLock { $0.append(message.data ?? []) } })
    await gossip.start()
    await gossip.join("news")
    return (gossip, heard)
  }

  @Test("forged gossip costs its sender its hearing, is explained, and keeps true words in")
  func forgedGossip() async throws {
    try await AttackedHost.run { attacked in
      let (gossip, heard) = try await Self.listener(on: attacked.host)
      let author = SigningKey.generate()
      try await attacked.attacked(protocols: ["/meshsub/1.2.0"]) { peer in
        var rpc = Self.news(100, by: author)
        for place in rpc.messages.indices { rpc.messages[place].data?.append(0) }
        let stream = try await peer.say(rpc.framed, on: "/meshsub/1.2.0")
        // A score heals: where the machine is slow, one flood may be forgiven before we look.
        while await !attacked.why(peer.peerID).contains("\"unheard\"") {
          try await attacked.loop.sleep(for: .milliseconds(50))
          try await peer.say(rpc.framed, on: stream)
        }
        #expect(await attacked.why(peer.peerID).contains("invalid messages"))
      }
      // A true word whose forged copy still waits is asked for again, and this peer reads nothing.
      while await gossip.isChecking { try await attacked.loop.sleep(for: .milliseconds(5)) }
      try await attacked.attacked(protocols: ["/meshsub/1.2.0"]) { honest in
        // Numbers that were forged before, by another peer.
        let rpc = Self.news(40, by: author)
        _ = try await honest.say(rpc.framed, on: "/meshsub/1.2.0")
        try await honest.wait { heard.withLock { $0.count } == 40 }
      }
      #expect(heard.withLock { $0 } == (UInt8(0)..<40).map { [$0] })
      await gossip.leave("news")
    }
  }

  @Test("while the pool of signatures is full messages wait in order, and the loop goes on")
  func busyPool() async throws {
    let pool = ComputePool(named: "busy", threads: 1, queueMax: 1)
    defer { pool.stop() }
    let gate = Lock(false)
    let isHeld = Lock(false)
    try await AttackedHost.run { attacked in
      let (gossip, heard) = try await Self.listener(on: attacked.host, signatures: pool)
      async let held: Void = pool.run {
        isHeld.withLock { $0 = true }
        while !gate.withLock({ $0 }) { usleep(1_000) }
      }
      while !isHeld.withLock({ $0 }) { try await attacked.loop.sleep(for: .milliseconds(1)) }
      async let queued: Void = pool.run {}
      let author = SigningKey.generate()
      try await attacked.attacked(protocols: ["/meshsub/1.2.0"]) { peer in
        // More than one peer's messages may wait.
        let rpc = Self.news(200, by: author)
        _ = try await peer.say(rpc.framed, on: "/meshsub/1.2.0")
        while await !attacked.why(peer.peerID).contains("tooManyValidations") {
          try await attacked.loop.sleep(for: .milliseconds(5))
        }
        #expect(heard.withLock { $0.isEmpty })
        gate.withLock { $0 = true }
        let waiting = GossipsubLimits.validationsPerPeerMax
        try await peer.wait { heard.withLock { $0.count } == waiting }
      }
      _ = try await (held, queued)
      let waiting = GossipsubLimits.validationsPerPeerMax
      #expect(heard.withLock { $0 } == (0..<waiting).map { [UInt8($0)] })
      await gossip.leave("news")
    }
  }
}

extension AttackedHost {
  func record(of peer: PeerID) async -> PeerRecord? {
    await host.record(of: peer)
  }
}

extension GossipsubRPC {
  /// Behind its length, as a stream carries it.
  var framed: Bytes {
    let bytes = encoded()
    return Varint.encode(UInt64(bytes.count)) + bytes
  }
}
