package import Cryptography
package import Primitives

/// Finds peers of one network on the links of a machine, and lets them find us (libp2p/specs
/// discovery/mdns.md over RFC 6762).
package struct MDNSMachine: Sendable {
  /// What is going on at one link.
  struct Link: Sendable {
    var description: MDNSLink
    /// When the next question is due, and the pause after it.
    var asksAt: Tick
    var pause: Duration = MDNSLimits.firstPause
    var lastAsked: Tick?
    /// An answer that was asked for and waits.
    var answer: Answer?
    var lastAnswered: Tick?
    var announcementsLeft = MDNSLimits.announcements
    /// Names without texts, and how often these were asked for.
    var unresolved: [DNSName: UInt8] = [:]
    var intake = Intake()
  }

  /// An answer before it is sent.
  struct Answer: Sendable {
    var at: Tick
    var what: MDNSTopics
    /// Who asked first; its known answers may still follow.
    var asker: Bytes?
  }

  /// Packets read within the present second.
  struct Intake: Sendable {
    var since = Tick.zero
    var count = 0
    var bySender: [Bytes: Int] = [:]
  }

  /// What one name told.
  struct Heard: Sendable {
    var peer: PeerID
    var addresses: [Multiaddr]
    var sender: Bytes
    var link: UInt32
    var expires: Tick
    /// When it is asked for again before it expires.
    var refreshAt: Tick
    var lifetime: Duration
    /// When it was last reported.
    var reported: Tick
    /// Whether one of the addresses is where the packet came from.
    var isVouched: Bool
  }

  /// Who we are.
  package let peer: PeerID
  let names: MDNSNames
  var links: [UInt32: Link] = [:]
  var ownAddresses: [Multiaddr] = []
  var heard: [DNSName: Heard] = [:]
  /// What was not believed, and how often.
  package internal(set) var refusals: [MDNSRefusal: Int] = [:]

  /// A finder that is on no link yet. `instance` is a random name of 32 to 63 letters and digits
  /// that says nothing about us; `fingerprint` is that of the private network.
  package init?(peer: PeerID, instance: String, fingerprint: Bytes? = nil) {
    guard let names = MDNSNames(instance: instance, fingerprint: fingerprint) else { return nil }
    self.peer = peer
    self.names = names
  }

  /// Names remembered.
  package var nameCount: Int { heard.count }

  /// The peers that are here now, sorted.
  package var peers: [PeerID] {
    Set(heard.values.map(\.peer)).sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
  }

  /// When the next `tick` is due.
  package var nextWake: Tick? {
    let times = links.values.flatMap { link in
      [link.asksAt] + (link.answer.map { [$0.at] } ?? [])
    }
    return (times + heard.values.map(\.expires)).min()
  }

  /// Takes an event in and says what to do.
  package mutating func handle(
    _ event: MDNSEvent, now: Tick, random: inout SplitMix64, effects: inout [MDNSEffect]
  ) {
    switch event {
    case .links(let links): change(to: links, now, &random)
    case .ownAddresses(let addresses):
      guard addresses != ownAddresses else { return }
      ownAddresses = addresses
      for number in links.keys.sorted() {
        links[number]?.announcementsLeft = MDNSLimits.announcements
        announce(on: number, now, &random)
      }
    case .received(let bytes, let link, let sender, let port):
      receive(bytes, link, from: sender, port, now, &random, &effects)
    case .tick:
      expire(now, &effects)
      for number in links.keys.sorted() { tick(number, now, &random, &effects) }
    case .stop:
      for number in links.keys.sorted() {
        guard let link = links[number], link.lastAnswered != nil else { continue }
        sendAnswer(.service, lifetime: 0, on: number, &effects)
      }
      links = [:]
    }
  }

  // MARK: Links

  private mutating func change(to wanted: [MDNSLink], _ now: Tick, _ random: inout SplitMix64) {
    var kept: [UInt32: Link] = [:]
    for description in wanted.prefix(MDNSLimits.linksMax) {
      if var known = links[description.number] {
        known.description = description
        kept[description.number] = known
      } else {
        let delay = Self.delay(MDNSLimits.delayMilliseconds, &random)
        kept[description.number] = Link(description: description, asksAt: now.advanced(by: delay))
      }
    }
    let new = kept.keys.filter { links[$0] == nil }.sorted()
    links = kept
    for number in new { announce(on: number, now, &random) }
  }

  static func delay(_ range: ClosedRange<UInt64>, _ random: inout SplitMix64) -> Duration {
    .milliseconds(Int64(UInt64.random(in: range, using: &random)))
  }

  private mutating func tick(
    _ number: UInt32, _ now: Tick, _ random: inout SplitMix64, _ effects: inout [MDNSEffect]
  ) {
    if let answer = links[number]?.answer, answer.at <= now {
      links[number]?.answer = nil
      links[number]?.lastAnswered = now
      sendAnswer(answer.what, lifetime: MDNSLimits.lifetimeSeconds, on: number, &effects)
      announce(on: number, now, &random)
    }
    if let link = links[number], link.asksAt <= now { ask(on: number, now, &effects) }
  }

  // MARK: Expiry

  private mutating func expire(_ now: Tick, _ effects: inout [MDNSEffect]) {
    let over = heard.filter { $0.value.expires <= now }.keys.sorted()
    for name in over { forget(name, &effects) }
  }

  mutating func forget(_ name: DNSName, _ effects: inout [MDNSEffect]) {
    guard let gone = heard.removeValue(forKey: name) else { return }
    guard !heard.values.contains(where: { $0.peer == gone.peer }) else { return }
    effects.append(.lost(gone.peer))
  }

  mutating func refuse(_ refusal: MDNSRefusal) { refusals[refusal, default: 0] += 1 }
}

/// What may be asked about us.
struct MDNSTopics: OptionSet, Sendable {
  let rawValue: UInt8
  /// Who is there.
  static let service = MDNSTopics(rawValue: 1)
  /// What our name stands for.
  static let instance = MDNSTopics(rawValue: 2)
  /// The addresses of our host name.
  static let host = MDNSTopics(rawValue: 4)
  /// Which services there are at all.
  static let services = MDNSTopics(rawValue: 8)
}

/// The names of a network's service and of this node in it.
struct MDNSNames: Sendable {
  /// `_p2p._udp.local`, or `_p2p-X._udp.local` of a private network.
  let service: DNSName
  /// Ours in it.
  let instance: DNSName
  /// That of our addresses.
  let host: DNSName
  /// `_services._dns-sd._udp.local` (RFC 6763 §9).
  let services: DNSName

  init?(instance: String, fingerprint: Bytes?) {
    let label = Bytes(instance.utf8)
    let network = fingerprint.map { "-" + Hex.encode($0) } ?? ""
    guard (32...DNSLimits.labelBytesMax).contains(label.count),
      let service = DNSName("_p2p\(network)._udp.local"),
      let services = DNSName("_services._dns-sd._udp.local"),
      let name = service.prefixed(by: label),
      let host = DNSName("p2p.local")?.prefixed(by: label)
    else { return nil }
    self.service = service
    self.services = services
    self.instance = name
    self.host = host
  }
}
