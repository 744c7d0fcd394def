import Cryptography
import Primitives

extension RendezvousServerMachine {
  mutating func register(
    _ entry: RendezvousEntry, _ peer: PeerID, _ group: UInt32, _ now: Tick
  ) -> RendezvousMessage {
    let seconds: UInt64
    do throws(Refusal) {
      seconds = try lifetime(entry.seconds)
      let record = try check(entry, peer)
      try makeRoom(for: entry, record, peer, group, now)
      add(entry.namespace, record, group, now.advanced(by: .seconds(Int64(clamping: seconds))))
    } catch {
      return .registerResponse(error.status, seconds: 0)
    }
    return .registerResponse(.ok, seconds: seconds)
  }

  private struct Refusal: Error { let status: RendezvousStatus }

  /// The time that is granted: what was asked for, within the limits.
  private func lifetime(_ wanted: UInt64) throws(Refusal) -> UInt64 {
    guard wanted > 0 else { return UInt64(RendezvousLimits.lifetime.components.seconds) }
    let least = UInt64(RendezvousLimits.lifetimeMin.components.seconds)
    let most = UInt64(RendezvousLimits.lifetimeMax.components.seconds)
    guard (least...most).contains(wanted) else { throw Refusal(status: .invalidLifetime) }
    return wanted
  }

  /// A peer registers itself, with its newest record, and nobody else.
  private func check(
    _ entry: RendezvousEntry, _ peer: PeerID
  ) throws(Refusal) -> RendezvousRecord {
    guard (1...RendezvousLimits.namespaceBytesMax).contains(entry.namespace.utf8.count) else {
      throw Refusal(status: .invalidNamespace)
    }
    guard let record = RendezvousRecord(decoding: entry.record) else {
      throw Refusal(status: .invalidSignedPeerRecord)
    }
    if case .unsigned = record, !limits.takesUnsigned {
      throw Refusal(status: .invalidSignedPeerRecord)
    }
    guard record.peer == peer else { throw Refusal(status: .notAuthorized) }
    if case .signed(let signed) = record, let known = holders[peer] {
      guard signed.sequence >= known.sequence else {
        throw Refusal(status: .invalidSignedPeerRecord)
      }
    }
    return record
  }

  /// The registration that is renewed makes room for itself.
  private mutating func makeRoom(
    for entry: RendezvousEntry, _ record: RendezvousRecord, _ peer: PeerID, _ group: UInt32,
    _ now: Tick
  ) throws(Refusal) {
    let key = RendezvousKey(namespace: entry.namespace, peer: peer)
    let bytes = entry.record.count * 2
    let isFull =
      registrations.count >= limits.registrationsMax
      || (namespaces[entry.namespace]?.count ?? 0) >= limits.perNamespaceMax
      || (groupCounts[group] ?? 0) >= limits.perGroupMax
      || byteCount + bytes > limits.bytesMax || (holders[peer]?.count ?? 0) >= limits.perPeerMax
    sweepIfFull(isFull, now)
    let own = registrations[key]
    func has(_ count: Int, below limit: Int) -> Bool { count - (own == nil ? 0 : 1) < limit }
    // Nobody is in group 0 who is not on this machine or on its site.
    guard has(registrations.count, below: limits.registrationsMax),
      has(namespaces[entry.namespace]?.count ?? 0, below: limits.perNamespaceMax),
      has(holders[peer]?.count ?? 0, below: limits.perPeerMax),
      group == 0 || own?.group == group || groupCounts[group] ?? 0 < limits.perGroupMax,
      byteCount - (own?.byteCount ?? 0) + bytes <= limits.bytesMax
    else { throw Refusal(status: .unavailable) }
  }

  private mutating func add(
    _ name: String, _ record: RendezvousRecord, _ group: UInt32, _ expires: Tick
  ) {
    let key = RendezvousKey(namespace: name, peer: record.peer)
    let known = holders[record.peer]?.sequence ?? 0
    remove(key)
    var isSigned = false
    var holder = holders[record.peer] ?? Holder()
    holder.sequence = known
    if case .signed(let signed) = record {
      isSigned = true
      holder.sequence = max(known, signed.sequence)
    }
    let registration = Registration(
      number: nextNumber, record: record.encoded(),
      unsigned: limits.takesUnsigned ? record.withoutSignature : [], isSigned: isSigned,
      group: group, expires: expires)
    nextNumber += 1
    registrations[key] = registration
    byteCount += registration.byteCount
    groupCounts[group, default: 0] += 1
    holder.count += 1
    holder.signedCount += isSigned ? 1 : 0
    holders[record.peer] = holder
    var namespace = namespaces.removeValue(forKey: name) ?? Namespace()
    namespace.count += 1
    namespace.log.append(registration.number, key)
    namespace.log.clear(standing: namespace.count, stands)
    namespaces[name] = namespace
    log.append(registration.number, key)
    log.clear(standing: registrations.count, stands)
  }

  // MARK: Discovering

  /// A page of what came after the cookie. Whoever has not registered with a signature at a point
  /// that takes unsigned ones is listed the records without signatures.
  func discover(
    _ name: String, _ limit: UInt64, _ cookie: Bytes, for peer: PeerID, _ now: Tick
  ) -> RendezvousMessage {
    guard name.utf8.count <= RendezvousLimits.namespaceBytesMax else {
      return .discoverResponse(.invalidNamespace, entries: [], cookie: [])
    }
    var seen = RendezvousCookie(number: 0)
    if !cookie.isEmpty {
      guard let opened = RendezvousCookie(opening: cookie, for: name, by: secret) else {
        return .discoverResponse(.invalidCookie, entries: [], cookie: [])
      }
      seen = opened
    }
    let countMax = limit == 0 ? RendezvousLimits.pageDefault : Int(clamping: limit)
    let wantsSigned = !limits.takesUnsigned || (holders[peer]?.signedCount ?? 0) > 0
    let lines =
      name.isEmpty
      ? log.lines(after: seen.number)
      : namespaces[name]?.log.lines(after: seen.number) ?? []
    var entries: [RendezvousEntry] = []
    var bytes = 0
    var last = nextNumber - 1
    for line in lines {
      guard let found = registrations[line.key], found.number == line.number,
        found.expires > now, found.isSigned || !wantsSigned
      else { continue }
      let record = wantsSigned ? found.record : found.unsigned
      bytes += record.count + line.key.namespace.utf8.count + RendezvousLimits.entryOverheadBytes
      guard entries.count < min(countMax, RendezvousLimits.pageMax),
        bytes <= RendezvousLimits.pageBytesMax
      else { break }
      let left = found.expires.duration(since: now).components.seconds
      entries.append(
        RendezvousEntry(
          namespace: line.key.namespace, record: record, seconds: UInt64(clamping: left)))
      last = line.number
    }
    return .discoverResponse(
      .ok, entries: entries,
      cookie: RendezvousCookie(number: last).sealed(for: name, by: secret))
  }
}
