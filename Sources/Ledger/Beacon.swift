public import Cryptography
public import Primitives

/// The public end of a beacon's hash chain: link 0, and how many links lie behind it.
public struct BeaconAnchor: Hashable, Sendable {
  /// Link 0.
  public let link: Digest
  /// Links that can be revealed.
  public let count: UInt32

  /// Names an anchor.
  public init(link: Digest, count: UInt32) {
    self.link = link
    self.count = count
  }
}

extension BeaconAnchor: CanonicalCodable {
  /// A map of the fields.
  public var canonicalValue: CanonicalValue {
    .map(["link": link.canonicalValue, "count": .unsigned(UInt64(count))])
  }

  /// Reads the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    link = try fields.nested("link")
    count = try fields.unsigned32("count")
    try fields.finish()
  }
}

/// The secret side of the beacon: link i − 1 is the hash of link i, so links are revealed upward.
///
/// A validator that holds it knows every draw in advance; `status` says so.
public struct BeaconChain: Sendable {
  /// Links between two kept ones: 65,536 links cost 8 KiB and at most 256 hashes a reveal.
  private static let stride = 256
  /// Links of a chain when nothing else is said: one per block that follows commitments.
  public static let standardCount: UInt32 = 1 << 16
  /// Every `stride`-th link, link 0 first.
  private let kept: [Digest]
  private let last: Digest
  /// What genesis publishes.
  public let anchor: BeaconAnchor

  /// Hashes down from the secret seed, which is the last link.
  public init(seed: Digest, count: UInt32 = Self.standardCount) {
    var kept: [Digest] = []
    var link = seed
    for index in (0...Int(count)).reversed() {
      if index % Self.stride == 0 { kept.append(link) }
      if index > 0 { link = Self.previous(of: link) }
    }
    self.kept = kept.reversed()
    last = seed
    anchor = BeaconAnchor(link: link, count: count)
  }

  /// The hash that leads from a link to the one before it.
  public static func previous(of link: Digest) -> Digest {
    SHA256.hash(LedgerDomain.bytes(LedgerDomain.beaconLink), link.bytes)
  }

  /// Returns link `index`, nil behind the end of the chain.
  public func link(_ index: UInt32) -> Digest? {
    guard index <= anchor.count else { return nil }
    let above = (Int(index) + Self.stride - 1) / Self.stride
    var (link, place) =
      above < kept.count ? (kept[above], above * Self.stride) : (last, Int(anchor.count))
    while place > Int(index) {
      link = Self.previous(of: link)
      place -= 1
    }
    return link
  }
}
