import Cryptography
import Peering
import Primitives
import Testing

@Suite("Filters and digests of capabilities")
struct CapabilityDigestTests {
  private func key(_ text: String) -> Bytes { Array(text.utf8) }

  private func filter(_ range: Range<Int>, capacity: Int = 1_000) -> BloomFilter {
    var filter = BloomFilter(capacity: capacity)
    for number in range { filter.insert(key("kind-\(number)")) }
    return filter
  }

  @Test("a filter never denies what it holds, and errs on one of a hundred others")
  func errors() {
    let filter = filter(0..<1_000)
    #expect((0..<1_000).allSatisfy { filter.mayContain(key("kind-\($0)")) })
    let wrong = (0..<10_000).filter { filter.mayContain(key("other-\($0)")) }.count
    #expect(wrong < 150, "\(wrong) of 10,000")
    #expect(filter.bitCount <= 9_664)
    #expect((48...BloomLimits.fillPercentMax).contains(filter.fillPercent))
  }

  @Test("filters unite by OR, until they would be too full to say anything")
  func union() throws {
    var united = filter(0..<300)
    try united.formUnion(filter(300..<600))
    #expect((0..<600).allSatisfy { united.mayContain(key("kind-\($0)")) })
    let before = united
    #expect(throws: BloomError.self) { try united.formUnion(filter(600..<1_700)) }
    #expect(united == before)
    #expect(throws: BloomError.differentSizes(united.bitCount, 128)) {
      try united.formUnion(BloomFilter(capacity: 1))
    }
  }

  @Test("a filter that has everything, or no size of ours, is refused")
  func hostileFilters() throws {
    #expect(throws: BloomError.tooFull(percent: 100)) {
      try BloomFilter(bytes: Bytes(repeating: 0xff, count: 240))
    }
    for size in [0, 7, 8, 17, BloomLimits.bytesMax + 8] {
      #expect(throws: BloomError.size(bytes: size)) {
        try BloomFilter(bytes: Bytes(repeating: 0, count: size))
      }
    }
    let good = filter(0..<10)
    #expect(try BloomFilter(bytes: good.bytes) == good)
  }

  private static let place = DeclaredPlace(region: "eu", country: "de", city: "berlin")

  private func digest(
    sequence: UInt64 = 1, expiresAt: UInt64 = 1_100, seed: UInt8 = 1
  ) throws -> CapabilityDigest {
    let place = try #require(Self.place)
    return CapabilityDigest(
      cluster: ClusterID(.city, of: place), epoch: 4, sequence: sequence,
      expiresAt: expiresAt, memberCount: 60, anchor: SHA256.hash([1]),
      filter: filter(0..<20, capacity: 100),
      signedBy: try SigningKey(seed: Bytes(repeating: seed, count: 32)))
  }

  @Test("a digest comes back as it was, and its checks pass")
  func digestRoundTrip() throws {
    let digest = try digest()
    let read = try CapabilityDigest(decoding: digest.encoded())
    #expect(read == digest)
    try read.check(of: digest.cluster, now: 1_000)
    try digest.check(of: digest.cluster, now: 1_000, newerThan: self.digest(sequence: 0))
  }

  @Test("each truncation of a digest is refused, and each flipped bit is found")
  func damagedDigest() throws {
    let digest = try digest()
    let bytes = digest.encoded()
    for length in bytes.indices {
      #expect(throws: DigestError.self) {
        try CapabilityDigest(decoding: Array(bytes.prefix(length)))
      }
    }
    for bit in stride(from: 0, to: bytes.count * 8, by: 3) {
      var damaged = bytes
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(throws: DigestError.self) {
        try CapabilityDigest(decoding: damaged).check(of: digest.cluster, now: 1_000)
      }
    }
  }

  @Test("old, foreign, expired and long-lived digests are refused by name")
  func wrongDigests() throws {
    let digest = try digest()
    let place = try #require(Self.place)
    #expect(throws: DigestError.expired) { try digest.check(of: digest.cluster, now: 1_100) }
    #expect(throws: DigestError.livesTooLong) {
      try digest.check(of: digest.cluster, now: 900)
    }
    #expect(throws: DigestError.wrongCluster(digest.cluster)) {
      try digest.check(of: ClusterID(.country, of: place), now: 1_000)
    }
    #expect(throws: DigestError.olderThanKnown(epoch: 4, sequence: 1)) {
      try digest.check(of: digest.cluster, now: 1_000, newerThan: digest)
    }
  }

  @Test("an oversize digest is refused before it is read")
  func oversize() {
    let size = CapabilityDigest.bytesMax + 1
    #expect(throws: DigestError.tooLarge(bytes: size, limit: CapabilityDigest.bytesMax)) {
      try CapabilityDigest(decoding: Bytes(repeating: 0xff, count: size))
    }
  }
}
