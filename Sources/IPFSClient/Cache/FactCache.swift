internal import ContentStore
internal import Primitives
internal import Telemetry

/// Facts about content: in memory, and behind it in a Redis server where one is named. A Redis
/// server that fails is as good as none.
final class FactCache: Sendable {
  private static let keyPrefix = "martlet:ipfs:about:"

  private let known = Lock(
    ExpiringTable<ContentInformation>(countMax: IPFSClientLimits.factsMax))
  private let holdsFor: Duration
  private let redis: RedisClient?

  init(redis: RedisClient?, holdsFor: Duration) {
    self.redis = redis
    self.holdsFor = holdsFor
  }

  func close() { redis?.close() }

  func information(about cid: CID, at now: Tick) async -> ContentInformation? {
    if let found = known.withLock({ $0.value(for: cid.text, at: now) }) { return found }
    guard let redis, let text = try? await redis.get(Self.keyPrefix + cid.text),
      let found = Self.information(text, cid)
    else { return nil }
    keep(found, at: now)
    return found
  }

  func note(_ information: ContentInformation, at now: Tick) async {
    keep(information, at: now)
    let value: JSONValue = [
      "kind": .string(information.kind), "size": information.size.map { JSONValue($0) } ?? .null,
    ]
    try? await redis?.set(
      Self.keyPrefix + information.cid.text, to: value.encoded(), for: holdsFor)
  }

  private func keep(_ information: ContentInformation, at now: Tick) {
    let until = now.advanced(by: holdsFor)
    known.withLock { $0.set(information, for: information.cid.text, until: until) }
  }

  private static func information(_ text: Bytes, _ cid: CID) -> ContentInformation? {
    guard let value = try? JSONValue(parsing: text), let kind = value["kind"]?.text else {
      return nil
    }
    return ContentInformation(
      cid: cid, kind: kind, size: value["size"]?.integer.flatMap { UInt64(exactly: $0) })
  }
}
