package import Primitives

/// Valid values that peers gave this node to keep; the higher sequence wins, so that an old record
/// replayed changes nothing.
package struct ValueStore: Sendable {
  private struct Held {
    let record: KademliaRecord
    let sequence: UInt64
    let from: PeerHandle
    let storedAt: Tick
  }

  private var values: [DistanceKey: Held] = [:]
  private var valuesOfPeer: [PeerHandle: Int] = [:]
  /// Keys in order of arrival; one put again goes to the back when its turn comes.
  private var due = ArraySlice<(key: DistanceKey, at: Tick)>()

  /// A store that holds nothing.
  package init() {}

  /// Values held.
  package var count: Int { values.count }

  /// The value of a key and its sequence, if it still counts.
  package func value(
    of key: DistanceKey, at now: Tick
  ) -> (record: KademliaRecord, sequence: UInt64)? {
    guard let held = values[key],
      now < held.storedAt.advanced(by: KademliaLimits.valueValidity)
    else { return nil }
    return (held.record, held.sequence)
  }

  /// Keeps a value whose validator gave `sequence`.
  package mutating func put(
    _ record: KademliaRecord, sequence: UInt64, from peer: PeerHandle, at now: Tick
  ) throws(KademliaRefusal) {
    expire(at: now)
    let key = record.key.point
    if let held = values[key] {
      guard sequence >= held.sequence else {
        throw .staleRecord(held: held.sequence, offered: sequence)
      }
      // Two records of one sequence: the greater bytes win everywhere, whatever came first.
      let wins =
        sequence > held.sequence
        || held.record.value.lexicographicallyPrecedes(record.value)
      let kept = wins ? record : held.record
      values[key] = Held(record: kept, sequence: sequence, from: held.from, storedAt: now)
      return
    }
    guard valuesOfPeer[peer, default: 0] < KademliaLimits.valuesOfPeerMax else {
      throw .tooManyRecordsOfPeer(limit: KademliaLimits.valuesOfPeerMax)
    }
    guard values.count < KademliaLimits.valuesMax else {
      throw .storeFull(limit: KademliaLimits.valuesMax)
    }
    values[key] = Held(record: record, sequence: sequence, from: peer, storedAt: now)
    valuesOfPeer[peer, default: 0] += 1
    due.append((key, now.advanced(by: KademliaLimits.valueValidity)))
  }

  /// Forgets what no longer counts; a bounded number at a time.
  package mutating func expire(at now: Tick) {
    for _ in 0..<KademliaLimits.recordsExpiredAtOnce {
      guard let first = due.first, first.at <= now else { return }
      due.removeFirst()
      guard let held = values[first.key] else { continue }
      let end = held.storedAt.advanced(by: KademliaLimits.valueValidity)
      guard end <= now else {
        due.append((first.key, end))
        continue
      }
      values[first.key] = nil
      let left = valuesOfPeer[held.from, default: 1] - 1
      valuesOfPeer[held.from] = left == 0 ? nil : left
    }
  }
}
