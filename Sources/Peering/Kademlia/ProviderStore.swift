package import Primitives

/// Who said to this node that it provides what.
package struct ProviderStore: Sendable {
  private struct Record {
    let peer: PeerHandle
    var admission: KademliaAdmission
    var saidAt: Tick
  }

  /// One entry per record, oldest first; a record said again goes to the back when its turn comes.
  private struct Due {
    let key: DistanceKey
    let peer: PeerHandle
    let at: Tick
  }

  private var records: [DistanceKey: [Record]] = [:]
  private var recordsOfPeer: [PeerHandle: Int] = [:]
  private var due = ArraySlice<Due>()
  /// Records held.
  package private(set) var count = 0
  /// Records of peers without stake or puzzle.
  package private(set) var strangersCount = 0

  /// A store that holds nothing.
  package init() {}

  /// Providers of a key that still count, newest first.
  package func providers(of key: DistanceKey, at now: Tick) -> [PeerHandle] {
    guard let held = records[key] else { return [] }
    return held.filter { now < $0.saidAt.advanced(by: KademliaLimits.providerValidity) }
      .sorted { ($1.saidAt, $0.peer) < ($0.saidAt, $1.peer) }
      .prefix(KademliaLimits.providersInAnswerMax).map(\.peer)
  }

  /// Keeps that `peer` provides `key`.
  package mutating func add(
    _ peer: PeerHandle, admission: KademliaAdmission, to key: DistanceKey, at now: Tick
  ) throws(KademliaRefusal) {
    expire(at: now)
    if let index = records[key]?.firstIndex(where: { $0.peer == peer }) {
      records[key]?[index].saidAt = now
      return
    }
    try checkRoom(for: peer, admission: admission)
    if let held = records[key], held.count >= KademliaLimits.providersOfKeyMax {
      let strangers = held.indices.filter { held[$0].admission == .none }
      let oldest = strangers.min { held[$0].saidAt < held[$1].saidAt }
      guard admission != .none, let oldest else {
        throw .tooManyProvidersOfKey(limit: KademliaLimits.providersOfKeyMax)
      }
      remove(at: oldest, of: key)
    }
    records[key, default: []].append(Record(peer: peer, admission: admission, saidAt: now))
    recordsOfPeer[peer, default: 0] += 1
    count += 1
    if admission == .none { strangersCount += 1 }
    due.append(Due(key: key, peer: peer, at: now.advanced(by: KademliaLimits.providerValidity)))
  }

  private func checkRoom(
    for peer: PeerHandle, admission: KademliaAdmission
  ) throws(KademliaRefusal) {
    let limit =
      admission == .none
      ? KademliaLimits.providerRecordsOfStrangerMax : KademliaLimits.providerRecordsOfPeerMax
    guard recordsOfPeer[peer, default: 0] < limit else {
      throw .tooManyRecordsOfPeer(limit: limit)
    }
    guard count < KademliaLimits.providerRecordsMax else {
      throw .storeFull(limit: KademliaLimits.providerRecordsMax)
    }
    if admission == .none, strangersCount >= KademliaLimits.providerRecordsOfStrangersMax {
      throw .storeFull(limit: KademliaLimits.providerRecordsOfStrangersMax)
    }
  }

  private mutating func remove(at index: Int, of key: DistanceKey) {
    guard let record = records[key]?.remove(at: index) else { return }
    if records[key]?.isEmpty == true { records[key] = nil }
    count -= 1
    if record.admission == .none { strangersCount -= 1 }
    let left = recordsOfPeer[record.peer, default: 1] - 1
    recordsOfPeer[record.peer] = left == 0 ? nil : left
  }

  /// Forgets what no longer counts; a bounded number at a time.
  package mutating func expire(at now: Tick) {
    for _ in 0..<KademliaLimits.recordsExpiredAtOnce {
      guard let first = due.first, first.at <= now else { return }
      due.removeFirst()
      guard let index = records[first.key]?.firstIndex(where: { $0.peer == first.peer }),
        let record = records[first.key]?[index]
      else { continue }
      let end = record.saidAt.advanced(by: KademliaLimits.providerValidity)
      if end <= now {
        remove(at: index, of: first.key)
      } else {
        due.append(Due(key: first.key, peer: first.peer, at: end))
      }
    }
  }
}
