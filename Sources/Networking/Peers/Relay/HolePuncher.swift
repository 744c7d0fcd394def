import Cryptography
import Peering
import Primitives

/// Makes direct connections out of relayed ones (DCUtR), as its `HolePunchMachine`s decide. Lives
/// on the loop.
package actor HolePuncher {
  /// How long a peer may take for one message.
  private static let patience: Duration = .seconds(15)
  /// How long both sides dial in one attempt.
  private static let attemptTime: Duration = .seconds(4)
  /// A refusal is often the other NAT, whose own side has not sent yet: dialled again after this.
  private static let retryPause: Duration = .milliseconds(100)
  /// Peers that we punch towards at the same time.
  private static let punchesMax = 16
  /// How long the relayed connection stays beside the direct one.
  private static let grace: Duration = .seconds(5)

  private nonisolated let host: PeerHost
  nonisolated package var unownedExecutor: UnownedSerialExecutor {
    host.loop.asUnownedSerialExecutor()
  }
  private let dialsLocalAddresses: Bool
  private var punching: Set<PeerID> = []

  /// A puncher on a host; `start` begins to follow others.
  package init(host: PeerHost, dialsLocalAddresses: Bool = false) {
    self.host = host
    self.dialsLocalAddresses = dialsLocalAddresses
  }

  /// Follows others' punches from now on.
  package func start() async {
    let limits = StreamLimits(inboundPerPeerMax: 1, inboundMax: Self.punchesMax)
    await host.serve(
      StreamProtocol(HolePunchMessage.protocolID, limits: limits) { stream in
        try await self.follow(stream)
      })
  }

  private func newMachine(leads: Bool) async -> HolePunchMachine {
    let own = await host.punchAddresses(withLocal: dialsLocalAddresses)
    return HolePunchMachine(
      leads: leads, ownAddresses: own, dialsLocalAddresses: dialsLocalAddresses)
  }

  // MARK: Leading

  /// Makes a direct connection with who called us through a relay; returns whether there is one.
  @discardableResult
  package func upgrade(_ circuit: PeerConnection) async -> Bool {
    guard circuit.isRelayed, let peer = await circuit.provenPeer, !punching.contains(peer),
      punching.count < Self.punchesMax
    else { return false }
    punching.insert(peer)
    defer { punching.remove(peer) }
    await circuit.waitUntilIdentified()
    if await dialDirectly(peer) {
      await leave(peer)
      return true
    }
    return await lead(peer, over: circuit)
  }

  /// The caller may be reachable after all, at an address it says is its own.
  private func dialDirectly(_ peer: PeerID) async -> Bool {
    let known = await host.directAddresses(of: peer)
    let open = known.filter { dialsLocalAddresses || AddressGroup.scope(of: $0) == .global }
    for address in open.prefix(2) {
      if (try? await host.dialBack(address.naming(peer), within: Self.attemptTime)) != nil {
        return true
      }
    }
    return false
  }

  private func lead(_ peer: PeerID, over circuit: PeerConnection) async -> Bool {
    var machine = await newMachine(leads: true)
    let effects = machine.handle(.begin, now: host.loop.now)
    return await punch(&machine, effects, with: peer) { () async throws(PeerError) in
      try await circuit.openStream([HolePunchMessage.protocolID])
    }
  }

  // MARK: Following

  private func follow(_ stream: PeerStream) async throws {
    // Directly connected peers have nothing to punch, and could make us dial others.
    guard stream.connection.isRelayed else { throw PeerError.closed }
    var machine = await newMachine(leads: false)
    let isDirect = await punch(&machine, [], with: stream.peer, on: stream) {
      () async throws(PeerError) in throw .closed
    }
    if isDirect { await leave(stream.peer) }
  }

  // MARK: Both

  /// Does what the machine says until it is over; `opening` opens the stream of one attempt.
  private func punch(
    _ machine: inout HolePunchMachine, _ begin: [HolePunchEffect], with peer: PeerID,
    on first: PeerStream? = nil,
    opening: @Sendable () async throws(PeerError) -> PeerStream
  ) async -> Bool {
    var stream = first
    var effects = begin
    while true {
      var next: HolePunchEvent?
      do {
        for effect in effects {
          switch effect {
          case .openStream:
            await stream?.close()
            stream = try await opening()
          case .send(let message): try await stream?.writeMessage(message.encoded())
          case .dial(let addresses, let wait, let role):
            try await host.loop.sleep(for: wait)
            next = .attemptEnded(isConnected: await dial(addresses, peer, role))
          case .succeeded, .failed:
            if first == nil { await stream?.close() }
            return effect == .succeeded
          }
        }
        if next == nil, let stream { next = .received(try await message(on: stream)) }
      } catch {
        next = nil
      }
      effects = machine.handle(next ?? .attemptEnded(isConnected: false), now: host.loop.now)
    }
  }

  private func message(on stream: PeerStream) async throws -> HolePunchMessage {
    let bytes = try await stream.readMessage(
      limit: HolePunchMessage.bytesMax, within: Self.patience)
    guard let bytes else { throw PeerError.streamEnded }
    return try HolePunchMessage(decoding: bytes)
  }

  /// Dials all addresses at once; returns whether there is a direct connection then.
  private func dial(_ addresses: [Multiaddr], _ peer: PeerID, _ role: NoiseRole) async -> Bool {
    let deadline = host.loop.now.advanced(by: Self.attemptTime)
    let executor = host.loop.taskExecutor
    await withTaskGroup(of: Bool.self) { group in
      for address in addresses {
        group.addTask(executorPreference: executor) {
          await self.dial(address, peer, role, until: deadline)
        }
      }
      for await isDirect in group where isDirect { group.cancelAll() }
    }
    return await host.isDirectlyConnected(peer)
  }

  private func dial(
    _ address: Multiaddr, _ peer: PeerID, _ role: NoiseRole, until deadline: Tick
  ) async -> Bool {
    while host.loop.now < deadline, !Task.isCancelled {
      let left = deadline.duration(since: host.loop.now)
      if (try? await host.punch(address, peer, role: role, within: left)) != nil { return true }
      if await host.isDirectlyConnected(peer) { return true }
      try? await host.loop.sleep(for: Self.retryPause)
    }
    return false
  }

  /// Lets the relayed connections with a peer go after a while; new streams already take the
  /// direct one.
  private func leave(_ peer: PeerID) async {
    _ = await host.begin { [host] in
      try? await host.loop.sleep(for: Self.grace)
      guard await host.isDirectlyConnected(peer) else { return }
      for connection in await host.openConnections where connection.isRelayed {
        if await connection.provenPeer == peer { await connection.close() }
      }
    }
  }
}
