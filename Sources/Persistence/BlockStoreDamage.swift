import Cryptography
import Telemetry

/// The blocks that were found damaged while reading, so that putting them again writes them anew.
final class BlockStoreDamage: Sendable {
  private let digests = Lock<Set<Digest>>([])

  var count: Int { digests.withLock(\.count) }

  func contains(_ digest: Digest) -> Bool { digests.withLock { $0.contains(digest) } }

  /// Remembers a damaged block; beyond the limit it is found again by the next read.
  func insert(_ digest: Digest) {
    digests.withLock { digests in
      if digests.count < BlockStoreLimits.damagedMax { digests.insert(digest) }
    }
  }

  func remove(_ mended: some Sequence<Digest>) {
    let mended = Array(mended)
    digests.withLock { $0.subtract(mended) }
  }
}
