public import Cryptography
internal import Primitives

/// Which segments are replayed: drawn from a beacon that appears after the commitment.
public struct SamplePlan: Hashable, Sendable {
  /// The chosen segments, ascending.
  public let segments: [Int]
  /// The number of segments of the record.
  public let total: Int

  /// A full audit in parts per million.
  public static let fullAudit: UInt32 = 1_000_000

  /// Draws ⌈rate · total⌉ different segments. `rate` is in parts per million, so that every node
  /// agrees on the number; draw i is SHA-256(beacon ‖ workRoot ‖ i) modulo what is left.
  public init(beacon: Digest, workRoot: Digest, total: Int, rate: UInt32) {
    precondition(total >= 0)
    let million = UInt64(Self.fullAudit)
    let wanted = (UInt64(total) * UInt64(min(rate, Self.fullAudit)) + million - 1) / million
    self.init(beacon: beacon, workRoot: workRoot, total: total, count: Int(wanted))
  }

  /// Draws `count` different segments, or all if there are fewer.
  public init(beacon: Digest, workRoot: Digest, total: Int, count: Int) {
    precondition(total >= 0)
    let wanted = min(max(0, count), total)
    var pool = Array(0..<total)
    var chosen: [Int] = []
    for draw in 0..<wanted {
      let counter = withUnsafeBytes(of: UInt64(draw).bigEndian) { Bytes($0) }
      let digest = SHA256.hash(beacon.bytes, workRoot.bytes, counter)
      let number = digest.bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      chosen.append(pool.remove(at: Int(number % UInt64(pool.count))))
    }
    segments = chosen.sorted()
    self.total = total
  }

  /// The rate for a fraction from 0 to 1, as typed by a person; nil outside.
  public static func partsPerMillion(_ fraction: Double) -> UInt32? {
    guard fraction >= 0, fraction <= 1 else { return nil }
    return UInt32((fraction * Double(fullAudit)).rounded())
  }

  /// The chance that an update of which a fraction φ is false passes: (1 − φ)^s for s replayed
  /// segments. For display only.
  public func missProbability(falseFraction: Double) -> Double {
    segments.reduce(1.0) { product, _ in product * (1 - falseFraction) }
  }
}
