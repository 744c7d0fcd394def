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
}
