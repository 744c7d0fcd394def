internal import Primitives

/// Counts what each caller may still do: a bucket a caller, refilled by time. Pure.
struct TokenBuckets: Sendable {
  /// Callers remembered; beyond that the fullest buckets, which limit nobody, are forgotten.
  static let callersMax = 10_000

  private struct Bucket: Sendable {
    var tokens: Double
    var filledAt: Tick
  }

  let rate: APIRate
  private var buckets: [String: Bucket] = [:]

  init(rate: APIRate) { self.rate = rate }

  /// Takes a token; returns how long to wait where there is none.
  mutating func take(for caller: String, now: Tick) -> Duration? {
    var bucket = buckets[caller] ?? Bucket(tokens: rate.burst, filledAt: now)
    bucket.tokens = level(of: bucket, now: now)
    bucket.filledAt = now
    let isAllowed = bucket.tokens >= 1
    if isAllowed { bucket.tokens -= 1 }
    if buckets[caller] == nil, buckets.count >= Self.callersMax { forgetFull(now: now) }
    buckets[caller] = bucket
    return isAllowed ? nil : .seconds((1 - bucket.tokens) / rate.perSecond)
  }

  private func level(of bucket: Bucket, now: Tick) -> Double {
    let seconds = now.duration(since: bucket.filledAt) / .seconds(1)
    return min(rate.burst, bucket.tokens + seconds * rate.perSecond)
  }

  /// Drops full buckets, and where that is not enough the fuller half: a crowd of new callers
  /// cannot free one that is limited.
  private mutating func forgetFull(now: Tick) {
    buckets = buckets.filter { level(of: $0.value, now: now) < rate.burst }
    guard buckets.count >= Self.callersMax else { return }
    let emptiest = buckets.sorted { level(of: $0.value, now: now) < level(of: $1.value, now: now) }
    buckets = Dictionary(
      uniqueKeysWithValues: emptiest.prefix(Self.callersMax / 2).map { ($0.key, $0.value) })
  }
}
