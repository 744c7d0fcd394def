import Cryptography
import Primitives

// MARK: - Asking

extension MDNSMachine {
  /// Asks who is there, and for what names stand that nobody explained; says whom it knows, so that
  /// those need not answer.
  mutating func ask(on number: UInt32, _ now: Tick, _ effects: inout [MDNSEffect]) {
    guard var link = links[number] else { return }
    var query = DNSMessage()
    query.questions.append(DNSQuestion(names.service, type: DNSType.pointer))
    for name in link.unresolved.keys.sorted() {
      query.questions.append(DNSQuestion(name, type: DNSType.text))
      let tries = (link.unresolved[name] ?? 0) + 1
      link.unresolved[name] = tries < MDNSLimits.resolvingTriesMax ? tries : nil
    }
    query.answers = knownAnswers(on: number, now)
    while query.encoded().count > MDNSLimits.sentBytesMax, !query.answers.isEmpty {
      query.answers.removeLast()
    }
    effects.append(.send(query.encoded(), link: number))
    link.lastAsked = now
    let wait = link.unresolved.isEmpty ? link.pause : MDNSLimits.firstPause
    link.pause = min(MDNSLimits.longestPause, link.pause * 2)
    link.asksAt = now.advanced(by: wait)
    links[number] = link
    askAgainBeforeExpiry(on: number, now)
  }

  /// Names that hold for more than half of their time (RFC 6762 §7.1).
  private func knownAnswers(on number: UInt32, _ now: Tick) -> [DNSRecord] {
    heard.filter { $0.value.link == number }.sorted { $0.key < $1.key }
      .compactMap { name, heard in
        let left = heard.expires.duration(since: now)
        guard left * 2 > heard.lifetime else { return nil }
        return DNSRecord(
          names.service, .pointer(name),
          lifetimeSeconds: UInt32(clamping: left.components.seconds))
      }.prefix(MDNSLimits.knownAnswersMax).map { $0 }
  }

  /// Moves the next question to where the first name needs it.
  private mutating func askAgainBeforeExpiry(on number: UInt32, _ now: Tick) {
    let soonest = now.advanced(by: MDNSLimits.quiet)
    let wanted = heard.values.lazy.filter { $0.link == number && $0.refreshAt > now }
      .map(\.refreshAt).min()
    guard let wanted, let link = links[number] else { return }
    links[number]?.asksAt = min(link.asksAt, max(wanted, soonest))
  }

  /// Asks soon, but not more often than may be.
  mutating func askSoon(on number: UInt32, _ now: Tick, _ random: inout SplitMix64) {
    guard let link = links[number] else { return }
    var time = now.advanced(by: Self.delay(MDNSLimits.delayMilliseconds, &random))
    if let last = link.lastAsked { time = max(time, last.advanced(by: MDNSLimits.quiet)) }
    links[number]?.asksAt = min(link.asksAt, time)
  }
}

// MARK: - Answering

extension MDNSMachine {
  /// Plans one of the answers that nobody asked for.
  mutating func announce(on number: UInt32, _ now: Tick, _ random: inout SplitMix64) {
    guard let left = links[number]?.announcementsLeft, left > 0,
      !announced(on: number).isEmpty
    else { return }
    links[number]?.announcementsLeft = left - 1
    answer(.service, on: number, asker: nil, isTruncated: false, now, &random)
  }

  /// Plans an answer; whatever is asked until it is sent goes into the same one.
  mutating func answer(
    _ what: MDNSTopics, on number: UInt32, asker: Bytes?, isTruncated: Bool, _ now: Tick,
    _ random: inout SplitMix64
  ) {
    guard let link = links[number], !what.isEmpty else { return }
    guard link.answer == nil else {
      links[number]?.answer?.what.formUnion(what)
      links[number]?.answer?.asker = nil
      return
    }
    let range =
      isTruncated ? MDNSLimits.truncatedDelayMilliseconds : MDNSLimits.delayMilliseconds
    var time = now.advanced(by: Self.delay(range, &random))
    if let last = link.lastAnswered { time = max(time, last.advanced(by: MDNSLimits.quiet)) }
    links[number]?.answer = Answer(at: time, what: what, asker: asker)
  }

  /// What a query asks of us, less what it says it knows.
  func topics(of query: DNSMessage) -> MDNSTopics {
    var what: MDNSTopics = []
    for question in query.questions {
      func asks(_ types: UInt16...) -> Bool {
        question.type == DNSType.any || types.contains(question.type)
      }
      guard question.classNumber == 1 || question.classNumber == 255 else { continue }
      switch question.name {
      case names.service where asks(DNSType.pointer): what.insert(.service)
      case names.instance where asks(DNSType.text, DNSType.service): what.insert(.instance)
      case names.host where asks(DNSType.address4, DNSType.address6): what.insert(.host)
      case names.services where asks(DNSType.pointer): what.insert(.services)
      default: break
      }
    }
    return knowsUs(query) ? what.subtracting(.service) : what
  }

  /// Whether a query says that we are known, for more than half of our time (RFC 6762 §7.1).
  func knowsUs(_ query: DNSMessage) -> Bool {
    query.answers.contains {
      $0.name == names.service && $0.content == .pointer(names.instance)
        && $0.lifetimeSeconds >= MDNSLimits.lifetimeSeconds / 2
    }
  }

  /// Our addresses that neighbours on a link can reach: those that the interface itself has. What
  /// we only announce, what others see, and ways through relays are not among them.
  func announced(on number: UInt32) -> [Multiaddr] {
    guard let link = links[number]?.description else { return [] }
    return ownAddresses.filter { address in
      guard !address.isRelayed, address.withoutOwner.dialTarget != nil, let ip = address.ipBytes
      else { return false }
      return link.addresses.contains { $0.ip == ip }
    }.prefix(MDNSLimits.ownAddressesMax).map { $0.naming(peer) }
  }

  /// Sends what was asked for and, behind it, what the asker would ask next. Every record of a
  /// name goes along, since many ask only once.
  func sendAnswer(
    _ what: MDNSTopics, lifetime: UInt32, on number: UInt32, _ effects: inout [MDNSEffect]
  ) {
    let addresses = announced(on: number)
    guard !addresses.isEmpty || lifetime == 0 else { return }
    var message = DNSMessage()
    message.isResponse = true
    let pointer = DNSRecord(names.service, .pointer(names.instance), lifetimeSeconds: lifetime)
    let instance = instanceRecords(addresses, lifetime)
    let host = hostRecords(addresses, lifetime)
    if what.contains(.services) {
      message.answers.append(
        DNSRecord(names.services, .pointer(names.service), lifetimeSeconds: lifetime))
    }
    if what.contains(.service) { message.answers.append(pointer) }
    if what.contains(.instance) { message.answers += instance }
    if what.contains(.host) { message.answers += host }
    if what.contains(.service), !what.contains(.instance) { message.additionals += instance }
    if !what.isDisjoint(with: [.service, .instance]), !what.contains(.host) {
      message.additionals += host
    }
    effects.append(.send(message.encoded(), link: number))
  }

  /// A text with all addresses, and where tools look for a host; its port is that of the first
  /// address.
  private func instanceRecords(_ addresses: [Multiaddr], _ lifetime: UInt32) -> [DNSRecord] {
    let texts = addresses.map { Bytes("dnsaddr=\($0)".utf8) }.filter { $0.count <= 255 }
    let port = addresses.first?.port ?? 0
    return [
      DNSRecord(names.instance, .text(texts), lifetimeSeconds: lifetime, isUnique: true),
      DNSRecord(
        names.instance, .service(priority: 0, weight: 0, port: port, host: names.host),
        lifetimeSeconds: lifetime, isUnique: true),
    ]
  }

  private func hostRecords(_ addresses: [Multiaddr], _ lifetime: UInt32) -> [DNSRecord] {
    var ips: [Bytes] = []
    for ip in addresses.compactMap(\.ipBytes) where !ips.contains(ip) { ips.append(ip) }
    return ips.map {
      DNSRecord(names.host, .address($0), lifetimeSeconds: lifetime, isUnique: true)
    }
  }
}
