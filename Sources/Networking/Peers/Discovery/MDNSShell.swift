package import Cryptography
package import Peering
import Primitives

/// How a node looks for others on its links.
package struct MDNSSettings: Sendable {
  /// Whether processes of this machine find each other over the loopback interface.
  package var includesLoopback = false
  /// The names of the interfaces it uses; nil means each that is up and carries multicast.
  package var interfaces: [String]?

  /// The defaults.
  package init() {}
}

/// What a node is told of a peer that was found: who it is said to be, and where.
package typealias DiscoveryObserver = @Sendable (PeerID, [Multiaddr]) -> Void

/// Finds peers of the same network on the links of this machine by multicast DNS, and is found by
/// them. Lives on the host's loop.
package actor MDNSShell {
  /// Interfaces and our own addresses change seldom and without notice; they are looked at this
  /// often.
  private static let lookInterval: Duration = .seconds(5)
  /// Letters of our random name (libp2p/specs discovery/mdns.md: at least 32).
  private static let nameLength = 40
  /// The groups of both IP versions (RFC 6762 §3).
  private static let groups = ["224.0.0.251", "ff02::fb"]

  /// Whose peers it finds: the host's private network, if it has one, names the service.
  package nonisolated let host: PeerHost
  nonisolated package var unownedExecutor: UnownedSerialExecutor {
    host.loop.asUnownedSerialExecutor()
  }
  private let settings: MDNSSettings
  private let observer: DiscoveryObserver
  private var machine: MDNSMachine
  private var random = SplitMix64(
    seed: SystemRandom.bytes(8).reduce(0) { $0 << 8 | UInt64($1) })
  private var sockets: [UInt32: MulticastSocket] = [:]
  private var wakeTimer = WakeTimer()
  private var isRunning = false

  /// A finder on a host; `start` begins. What it finds goes into the host's book and to `observer`,
  /// on the loop.
  package init(
    host: PeerHost, settings: MDNSSettings = MDNSSettings(),
    observer: @escaping DiscoveryObserver = { _, _ in }
  ) {
    self.host = host
    self.settings = settings
    self.observer = observer
    let machine = MDNSMachine(
      peer: host.peerID, instance: Self.randomName(),
      fingerprint: host.settings.privateNetwork?.fingerprint)
    guard let machine else { preconditionFailure("\(Self.nameLength) letters are a name") }
    self.machine = machine
  }

  /// Lower-case letters and digits that say nothing about the node.
  private static func randomName() -> String {
    let letters = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)
    let bytes = SystemRandom.bytes(nameLength).map { letters[Int($0 & 31)] }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Asks and answers from now on; throws when no interface can be used.
  package func start() throws(PeerError) {
    guard !isRunning else { return }
    let error = openLinks()
    guard !sockets.isEmpty else {
      throw .socket(error ?? .unreachable("each multicast group"))
    }
    isRunning = true
    handle(.ownAddresses(host.assumeIsolated { $0.ownAddresses() }))
    handle(.links(links()))
    lookLater()
  }

  /// Says goodbye and is silent from now on.
  package func stop() {
    guard isRunning else { return }
    handle(.stop)
    isRunning = false
    wakeTimer.cancel(on: host.loop)
    for socket in sockets.values { socket.close() }
    sockets = [:]
  }

  /// The peers that are here now.
  package var found: [PeerID] { machine.peers }

  /// What was heard and not believed, and how often.
  package var refusals: [MDNSRefusal: Int] { machine.refusals }

  // MARK: Links

  private func usable() -> [NetworkInterface] {
    NetworkInterface.all().filter { interface in
      if let wanted = settings.interfaces { return wanted.contains(interface.name) }
      return interface.isLoopback ? settings.includesLoopback : interface.carriesMulticast
    }
  }

  /// A link is an interface and an IP version: `2 · index`, and one more for IPv6.
  private static func numbers(of interface: NetworkInterface) -> [(number: UInt32, group: String)] {
    [4, 16].enumerated().compactMap { version, byteCount in
      guard interface.addresses.contains(where: { $0.ip.count == byteCount }) else { return nil }
      return (interface.index &* 2 &+ UInt32(version), groups[version])
    }
  }

  private func links() -> [MDNSLink] {
    usable().flatMap { interface in
      Self.numbers(of: interface).filter { sockets[$0.number] != nil }.map { link in
        MDNSLink(
          number: link.number, isLoopback: interface.isLoopback,
          addresses: interface.addresses.map {
            MDNSLink.Address(ip: $0.ip, prefixLength: $0.prefixLength)
          })
      }
    }
  }

  /// Opens a socket for each new link and closes those of links that are gone; returns the last
  /// error.
  private func openLinks() -> SocketError? {
    var error: SocketError?
    var wanted: Set<UInt32> = []
    for interface in usable() {
      for (number, group) in Self.numbers(of: interface) where wanted.count < MDNSLimits.linksMax {
        wanted.insert(number)
        guard sockets[number] == nil else { continue }
        do throws(SocketError) { try open(number, group, interface.index) } catch let failure {
          error = failure
        }
      }
    }
    for number in sockets.keys where !wanted.contains(number) {
      sockets.removeValue(forKey: number)?.close()
    }
    return error
  }

  private func open(_ number: UInt32, _ group: String, _ index: UInt32) throws(SocketError) {
    let socket = try MulticastSocket(
      group: group, port: MDNSLimits.port, interfaceIndex: index, on: host.loop)
    let began = host.assumeIsolated { host in
      host.begin { await self.receive(from: socket, link: number) }
    }
    guard began else {
      socket.close()
      throw .closed
    }
    sockets[number] = socket
  }

  private func lookLater() {
    host.loop.schedule(after: Self.lookInterval) { [weak self] in
      self?.assumeIsolated { $0.look() }
    }
  }

  private func look() {
    guard isRunning, !host.assumeIsolated({ $0.isStopped }) else { return stop() }
    _ = openLinks()
    handle(.links(links()))
    handle(.ownAddresses(host.assumeIsolated { $0.ownAddresses() }))
    lookLater()
  }

  // MARK: The machine

  private func receive(from socket: MulticastSocket, link: UInt32) async {
    // One that fails otherwise than by an end of ours is opened anew at the next look.
    while let datagram = try? await socket.receive(bytesMax: DNSLimits.messageBytesMax) {
      handle(
        .received(datagram.bytes, link: link, from: datagram.sender, port: datagram.port))
    }
    socket.close()
    if sockets[link] === socket { sockets[link] = nil }
  }

  private func handle(_ event: MDNSEvent) {
    guard isRunning else { return }
    let loop = host.loop
    var effects: [MDNSEffect] = []
    machine.handle(event, now: loop.now, random: &random, effects: &effects)
    for effect in effects { perform(effect) }
    wakeTimer.set(at: machine.nextWake, on: loop) { [weak self] in
      self?.assumeIsolated { $0.handle(.tick) }
    }
  }

  private func perform(_ effect: MDNSEffect) {
    switch effect {
    case .send(let bytes, let link): try? sockets[link]?.send(bytes)
    case .found(let peer, let addresses):
      let isKept = host.assumeIsolated { host in
        guard host.filter.refusal(of: peer) == nil else { return false }
        let handle = host.book.intern(peer, now: host.loop.now)
        host.book.learn(addresses, of: handle, source: .discovered, now: host.loop.now)
        return true
      }
      if isKept { observer(peer, addresses) }
    case .lost: break
    }
  }
}
