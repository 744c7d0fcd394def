import Cryptography
import Primitives

extension MDNSMachine {
  /// Reads a packet, unless its sender or its link has said enough for this second.
  mutating func receive(
    _ bytes: Bytes, _ number: UInt32, from sender: Bytes, _ port: UInt16, _ now: Tick,
    _ random: inout SplitMix64, _ effects: inout [MDNSEffect]
  ) {
    guard let link = links[number] else { return }
    guard link.description.isNeighbour(sender) else { return refuse(.notNeighbour) }
    guard links[number]?.intake.takes(from: sender, now) == true else {
      return refuse(.tooManyMessages)
    }
    guard let message = try? DNSMessage(decoding: bytes) else { return refuse(.malformed) }
    guard message.isResponse else {
      return asked(message, on: number, by: sender, now, &random)
    }
    guard port == MDNSLimits.port else { return refuse(.port) }
    told(message, on: number, by: sender, now, &random, &effects)
  }

  /// A query: it may want us, and it may say that its sender knows us already.
  private mutating func asked(
    _ query: DNSMessage, on number: UInt32, by sender: Bytes, _ now: Tick,
    _ random: inout SplitMix64
  ) {
    if query.questions.isEmpty, knowsUs(query), links[number]?.answer?.asker == sender {
      links[number]?.answer?.what.subtract(.service)
      if links[number]?.answer?.what.isEmpty == true { links[number]?.answer = nil }
    }
    answer(
      topics(of: query), on: number, asker: query.isTruncated ? sender : nil,
      isTruncated: query.isTruncated, now, &random)
  }

  /// An answer: names of the service, and what stands behind them.
  private mutating func told(
    _ message: DNSMessage, on number: UInt32, by sender: Bytes, _ now: Tick,
    _ random: inout SplitMix64, _ effects: inout [MDNSEffect]
  ) {
    let records = (message.answers + message.additionals).filter { $0.classNumber == 1 }
    var texts: [DNSName: (lifetime: UInt32, texts: [Bytes])] = [:]
    var named: [DNSName: UInt32] = [:]
    for record in records {
      switch record.content {
      case .pointer(let name)
      where record.name == names.service && name.isChild(of: names.service):
        named[name] = record.lifetimeSeconds
      case .text(let found) where record.name.isChild(of: names.service):
        let known = texts[record.name]?.texts ?? []
        texts[record.name] = (
          record.lifetimeSeconds, Array((known + found).prefix(MDNSLimits.textsMax))
        )
      case .address, .pointer, .text, .service, .other: break
      }
    }
    for name in texts.keys.sorted() where name != names.instance {
      guard let found = texts[name] else { continue }
      links[number]?.unresolved[name] = nil
      believe(
        name, found.texts, lifetime: min(found.lifetime, named[name] ?? found.lifetime),
        on: number, by: sender, now, &effects)
    }
    for name in named.keys.sorted() where name != names.instance && texts[name] == nil {
      pointed(at: name, lifetime: named[name] ?? 0, on: number, by: sender, now, &random)
    }
  }

  /// A name without its texts: one that is known holds longer, a new one is asked about.
  private mutating func pointed(
    at name: DNSName, lifetime: UInt32, on number: UInt32, by sender: Bytes, _ now: Tick,
    _ random: inout SplitMix64
  ) {
    if let known = heard[name] {
      guard known.link == number else { return }
      guard lifetime > 0 else { return takeBack(name, known, sender, now) }
      guard known.sender == sender else { return refuse(.otherSender) }
      return hold(name, known, for: lifetime, now)
    }
    guard lifetime > 0, let link = links[number], link.unresolved[name] == nil else { return }
    guard link.unresolved.count < MDNSLimits.unresolvedMax else { return refuse(.tooManyNames) }
    links[number]?.unresolved[name] = 0
    askSoon(on: number, now, &random)
  }

  /// Believes a name for a time; 0 takes it back.
  private mutating func hold(_ name: DNSName, _ known: Heard, for seconds: UInt32, _ now: Tick) {
    var known = known
    guard seconds > 0 else {
      known.expires = min(known.expires, now.advanced(by: MDNSLimits.goodbyeLifetime))
      known.refreshAt = known.expires
      heard[name] = known
      return
    }
    let lifetime: Duration = .seconds(min(seconds, MDNSLimits.lifetimeSecondsMax))
    known.lifetime = lifetime
    known.expires = now.advanced(by: lifetime)
    known.refreshAt = now.advanced(by: lifetime * 4 / 5)
    heard[name] = known
    let soonest = now.advanced(by: MDNSLimits.quiet)
    if let asksAt = links[known.link]?.asksAt {
      links[known.link]?.asksAt = min(asksAt, max(soonest, known.refreshAt))
    }
  }

  private mutating func believe(
    _ name: DNSName, _ texts: [Bytes], lifetime: UInt32, on number: UInt32, by sender: Bytes,
    _ now: Tick, _ effects: inout [MDNSEffect]
  ) {
    guard lifetime > 0 else {
      if let known = heard[name], known.link == number { takeBack(name, known, sender, now) }
      return
    }
    guard let link = links[number]?.description,
      let (peer, addresses) = addresses(in: texts, on: link)
    else { return }
    let isVouched = addresses.contains { $0.ipBytes == sender }
    let known = heard[name]
    if let known {
      // A name belongs to whom it named first, for as long as it holds, and where it was told from
      // an address that it names, others have no say.
      guard known.peer == peer else { return refuse(.otherPeer) }
      guard isVouched || !known.isVouched else { return refuse(.otherSender) }
    } else if !makeRoom(for: peer, sender, isVouched, &effects) {
      return refuse(.tooManyNames)
    }
    var reported = now
    if let known, known.addresses == addresses,
      now.duration(since: known.reported) < MDNSLimits.reportPause
    {
      reported = known.reported
    } else {
      effects.append(.found(peer, addresses))
    }
    let fresh = Heard(
      peer: peer, addresses: addresses, sender: sender, link: number, expires: now,
      refreshAt: now, lifetime: .zero, reported: reported, isVouched: isVouched)
    hold(name, fresh, for: lifetime, now)
  }

  /// Only who told a name takes it back.
  private mutating func takeBack(
    _ name: DNSName, _ known: Heard, _ sender: Bytes, _ now: Tick
  ) {
    guard known.sender == sender else { return refuse(.otherSender) }
    hold(name, known, for: 0, now)
  }

  // MARK: Addresses

  /// The peer that texts name, and those of its addresses that a neighbour can have; nil when there
  /// is none.
  private mutating func addresses(
    in texts: [Bytes], on link: MDNSLink
  ) -> (PeerID, [Multiaddr])? {
    var owner: PeerID?
    var addresses: [Multiaddr] = []
    for text in texts {
      guard let value = Self.addressText(text), let address = try? Multiaddr(value) else {
        continue
      }
      guard let named = address.peer, owner == nil || owner == named else {
        refuse(.otherPeer)
        continue
      }
      guard named != peer else {
        refuse(.ownPeer)
        return nil
      }
      owner = named
      let bare = address.withoutOwner
      guard Self.canBeThere(bare, on: link) else {
        refuse(.address)
        continue
      }
      if addresses.count < MDNSLimits.addressesMax, !addresses.contains(bare) {
        addresses.append(bare)
      }
    }
    guard let owner, !addresses.isEmpty else { return nil }
    return (owner, addresses)
  }

  /// `ADDRESS` of `dnsaddr=ADDRESS`. py-libp2p numbers its texts (`dnsaddr2=`), since its library
  /// keeps only one of each name.
  private static func addressText(_ text: Bytes) -> String? {
    guard let equals = text.firstIndex(of: UInt8(ascii: "=")) else { return nil }
    let key = String(decoding: text[..<equals], as: UTF8.self).lowercased()
    guard key.hasPrefix("dnsaddr"), key.dropFirst(7).utf8.allSatisfy({ (0x30...0x39).contains($0) })
    else { return nil }
    return String(decoding: text[(equals + 1)...], as: UTF8.self)
  }

  /// A neighbour has addresses of the link or of its site. Loopback addresses mean this machine
  /// and are believed on the loopback link alone; a public address elsewhere would make whoever
  /// hears the text call a stranger.
  private static func canBeThere(_ address: Multiaddr, on link: MDNSLink) -> Bool {
    guard !address.isRelayed, let ip = address.ipBytes,
      !ip.allSatisfy({ $0 == 0 }), !isMulticast(ip)
    else { return false }
    switch AddressGroup.scope(ofIP: ip) {
    case .loopback: return link.isLoopback
    case .local: return !link.isLoopback || link.addresses.contains { $0.contains(ip) }
    case .global: return link.addresses.contains { $0.contains(ip) }
    }
  }

  private static func isMulticast(_ ip: Bytes) -> Bool {
    ip.count == 4 ? ip[0] >= 224 : ip[0] == 0xFF
  }

  // MARK: Room

  /// Whether there is room for one more name of a peer, told by a sender. A name told from where it
  /// says the peer is takes the place of one that is not; when all room is taken, the sender with
  /// the most names makes it.
  private mutating func makeRoom(
    for peer: PeerID, _ sender: Bytes, _ isVouched: Bool, _ effects: inout [MDNSEffect]
  ) -> Bool {
    let claims = heard.filter { $0.value.peer == peer }
    if claims.count >= MDNSLimits.namesPerPeerMax {
      guard isVouched, let other = claims.filter({ !$0.value.isVouched }).keys.min() else {
        return false
      }
      heard[other] = nil
    }
    let ofSender = heard.values.count { $0.sender == sender }
    guard ofSender < MDNSLimits.namesPerSenderMax else { return false }
    guard heard.count >= MDNSLimits.namesMax else { return true }
    var counts: [Bytes: Int] = [:]
    for one in heard.values { counts[one.sender, default: 0] += 1 }
    let loudest = counts.min { left, right in
      if left.value != right.value { return left.value > right.value }
      return left.key.lexicographicallyPrecedes(right.key)
    }
    guard let loudest, loudest.value > ofSender,
      let name = heard.filter({ $0.value.sender == loudest.key }).keys.min()
    else { return false }
    forget(name, &effects)
    return true
  }
}

extension MDNSMachine.Intake {
  /// Counts a packet; false when its sender or all of them have sent enough for this second.
  mutating func takes(from sender: Bytes, _ now: Tick) -> Bool {
    if now.duration(since: since) >= .seconds(1) {
      since = now
      count = 0
      bySender = [:]
    }
    let ofSender = bySender[sender] ?? 0
    guard count < MDNSLimits.messagesPerSecondMax, ofSender < MDNSLimits.messagesPerSenderMax,
      ofSender > 0 || bySender.count < MDNSLimits.sendersMax
    else { return false }
    count += 1
    bySender[sender] = ofSender + 1
    return true
  }
}
