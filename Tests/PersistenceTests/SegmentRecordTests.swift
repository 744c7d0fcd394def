import CShim
import ContentStore
import Primitives
import Testing

@testable import Persistence

@Suite("Segment records")
struct SegmentRecordTests {
  @Test("CRC-32C has the published check value, fast and plain alike")
  func checksum() {
    // RFC 3720 appendix B.4, and the check value of the CRC catalogue for CRC-32/ISCSI.
    let vectors: [(Bytes, UInt32)] = [
      (Bytes("123456789".utf8), 0xe306_9283),
      (Bytes(repeating: 0, count: 32), 0x8a91_36aa),
      (Bytes(repeating: 0xff, count: 32), 0x62a8_ab43),
    ]
    for (bytes, expected) in vectors {
      #expect(shim_crc32c(0, bytes, bytes.count) == expected)
      #expect(shim_crc32c_plain(0, bytes, bytes.count) == expected)
    }
    // Inputs of 3 KiB and more are taken in three lanes.
    let long = randomBytes(seed: 9, count: 20_003)
    for count in Array(0..<1_003) + Array(3_060..<3_090) + [6_143, 6_144, 6_151, 9_216, 20_000] {
      long.withUnsafeBytes { buffer in
        let start = buffer.baseAddress! + count % 4
        #expect(shim_crc32c(7, start, count) == shim_crc32c_plain(7, start, count))
      }
    }
  }

  private static let example: SegmentRecord = {
    let block = randomBlock(1, count: 37)
    return SegmentRecord(digest: block.cid.digest!, payload: block.bytes)
  }()

  @Test("a record is read back")
  func roundTrip() {
    #expect(SegmentRecord(decoding: Self.example.encoded()) == Self.example)
    #expect(SegmentRecord(decoding: Self.example.encoded() + [1, 2]) == Self.example)
  }

  @Test("every truncation of a record is refused")
  func truncation() {
    let bytes = Self.example.encoded()
    for length in 0..<bytes.count {
      #expect(SegmentRecord(decoding: Bytes(bytes.prefix(length))) == nil)
    }
  }

  @Test("a bit flip in a record never passes unseen")
  func bitFlip() {
    let bytes = Self.example.encoded()
    for bit in 0..<bytes.count * 8 {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << (bit % 8)
      #expect(SegmentRecord(decoding: flipped) == nil, "bit \(bit)")
    }
  }
}
