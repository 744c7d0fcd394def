import Cryptography
import Primitives

extension RendezvousServerMachine {
  /// A page of what came after the cookie.
  func discover(
    _ name: String, _ limit: UInt64, _ cookie: Bytes, for peer: PeerID, _ now: Tick
  ) -> RendezvousMessage {
    guard name.utf8.count <= RendezvousLimits.namespaceBytesMax else {
      return .discoverResponse(.invalidNamespace, entries: [], cookie: [])
    }
    var seen: UInt64 = 0
    if !cookie.isEmpty {
      guard let opened = RendezvousCookie(opening: cookie, for: name, by: secret) else {
        return .discoverResponse(.invalidCookie, entries: [], cookie: [])
      }
      seen = opened.number
    }
    let countMax = limit == 0 ? RendezvousLimits.pageDefault : Int(clamping: limit)
    let lines =
      name.isEmpty
      ? log.lines(after: seen) : namespaces[name]?.log.lines(after: seen) ?? []
    let (entries, last) = page(
      of: lines, countMax: min(countMax, RendezvousLimits.pageMax), for: peer, now)
    return .discoverResponse(
      .ok, entries: entries,
      cookie: RendezvousCookie(number: last).sealed(for: name, by: secret))
  }

  /// The first registrations of a list, and the number of the last one that was looked at. Whoever
  /// has not registered with a signature at a point that takes unsigned records is listed all of
  /// them without.
  private func page(
    of lines: ArraySlice<RendezvousLog.Line>, countMax: Int, for peer: PeerID, _ now: Tick
  ) -> (entries: [RendezvousEntry], last: UInt64) {
    let wantsSigned = !limits.takesUnsigned || (holders[peer]?.signedCount ?? 0) > 0
    var entries: [RendezvousEntry] = []
    var bytes = 0
    var last = nextNumber - 1
    for line in lines {
      guard let found = registrations[line.key], found.number == line.number,
        found.expires > now, found.isSigned || !wantsSigned
      else { continue }
      let record = wantsSigned ? found.record : found.unsigned
      bytes += record.count + line.key.namespace.utf8.count + RendezvousLimits.entryOverheadBytes
      guard entries.count < countMax, bytes <= RendezvousLimits.pageBytesMax else { break }
      let left = found.expires.duration(since: now).components.seconds
      entries.append(
        RendezvousEntry(
          namespace: line.key.namespace, record: record, seconds: UInt64(clamping: left)))
      last = line.number
    }
    return (entries, last)
  }
}
