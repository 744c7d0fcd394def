import Cryptography
import Peering
import Primitives
import Testing

@Suite("Records of IPNS")
struct IPNSRecordTests {
  private static let key = try! SigningKey(seed: Bytes(repeating: 7, count: 32))
  private static let name = key.publicKey.peerID
  private static let end = RecordTime(seconds: 4_849_000_000, nanoseconds: 694_052_000)

  private static func record(_ sequence: UInt64 = 3, until end: RecordTime = end) -> IPNSRecord {
    IPNSRecord(
      value: Bytes("/ipfs/bafkqaaa".utf8), sequence: sequence, validUntil: end,
      timeToLive: 3_600_000_000_000, signedBy: key)
  }

  @Test("the records of gateway-conformance are taken or refused as their names say")
  func fixtures() throws {
    for (name, fault, hex) in IPNSFixture.all {
      let bytes = try Hex.decode(hex)
      let peer = try PeerID(name)
      guard let fault else {
        let record = try IPNSRecord(bytes, of: peer)
        #expect(record.value.starts(with: "/ipfs/".utf8) && record.bytes == bytes)
        #expect(record.isValid(at: RecordTime(seconds: 2_000_000_000)))
        #expect(!record.isValid(at: RecordTime(seconds: 7_000_000_000)))
        continue
      }
      #expect(throws: fault) { try IPNSRecord(bytes, of: peer) }
    }
  }

  @Test("what is signed is read again, by its name and by no other")
  func roundTrip() throws {
    let record = Self.record()
    #expect(try IPNSRecord(record.bytes, of: Self.name) == record)
    let other = try SigningKey(seed: Bytes(repeating: 8, count: 32)).publicKey.peerID
    #expect(throws: IPNSFault.signatureMismatch) { try IPNSRecord(record.bytes, of: other) }
  }

  @Test("every truncation and every flipped bit is noticed, but in what nobody reads any more")
  func hostile() {
    let record = Self.record()
    for length in 0..<record.bytes.count {
      let read = try? IPNSRecord(Bytes(record.bytes.prefix(length)), of: Self.name)
      #expect(read == nil, "\(length) bytes")
    }
    // The signature of version 1 proves nothing, so nobody checks it; its tag may become another's.
    let older = 2 + record.value.count..<2 + record.value.count + 66
    for index in record.bytes.indices where !older.contains(index) {
      for bit in 0..<8 {
        var flipped = record.bytes
        flipped[index] ^= 1 << UInt8(bit)
        guard let read = try? IPNSRecord(flipped, of: Self.name) else { continue }
        #expect(
          read.value == record.value && read.sequence == record.sequence
            && read.validUntil == record.validUntil, "byte \(index), bit \(bit)")
      }
    }
  }

  @Test("a record of more than ten kibibytes is refused")
  func size() {
    let long = IPNSRecord(
      value: Bytes(repeating: 0x61, count: IPNSRecord.byteCountMax), sequence: 1,
      validUntil: Self.end, timeToLive: 0, signedBy: Self.key)
    #expect(throws: IPNSFault.self) { try IPNSRecord(long.bytes, of: Self.name) }
  }

  @Test("a higher sequence wins, then the later end")
  func selection() {
    let later = Self.end.advanced(by: .seconds(1))
    #expect(Self.record(4).replaces(Self.record(3, until: later)))
    #expect(Self.record(3, until: later).replaces(Self.record(3)))
    #expect(!Self.record(3).replaces(Self.record(3)))
  }

  @Test("the hash table's validator takes valid records alone, under their own names")
  func validator() throws {
    let record = KademliaRecord(key: IPNSRecord.key(of: Self.name), value: Self.record(9).bytes)
    #expect(try RecordValidator.sequence(of: record) == 9)
    let other = try SigningKey(seed: Bytes(repeating: 8, count: 32)).publicKey.peerID
    let moved = KademliaRecord(key: IPNSRecord.key(of: other), value: record.value)
    #expect(throws: KademliaRecordFault.signatureMismatch) {
      try RecordValidator.sequence(of: moved)
    }
    let noise = KademliaRecord(key: record.key, value: [1, 2, 3])
    #expect(throws: KademliaRecordFault.malformed) { try RecordValidator.sequence(of: noise) }
  }

  @Test(
    "moments are read and written as Go does",
    arguments: [
      ("2123-08-14T12:17:03.694052Z", 4_847_689_023 as Int64, 694_052_000 as Int32),
      ("1970-01-01T00:00:00Z", 0, 0), ("2000-02-29T23:59:59.9Z", 951_868_799, 900_000_000),
      ("2126-01-31T15:56:12.714899293Z", 4_925_548_572, 714_899_293),
    ])
  func moments(text: String, seconds: Int64, nanoseconds: Int32) throws {
    let moment = try #require(RecordTime(Bytes(text.utf8)))
    #expect(moment.seconds == seconds && moment.nanoseconds == nanoseconds)
    #expect(moment.text == text)
  }

  @Test(
    "what is no moment is refused",
    arguments: [
      "", "2123-08-14", "2123-13-14T12:17:03Z", "2123-02-30T12:17:03Z", "2123-08-14T25:17:03Z",
      "2123-08-14T12:17:03", "2123-08-14T12:17:03.Z", "2123-08-14T12:17:03Zz", "tomorrow",
      // In another year at Greenwich, which four digits do not hold.
      "0000-01-01T02:20:00+02:30", "9999-12-31T23:59:00-00:01",
    ])
  func noMoments(text: String) {
    #expect(RecordTime(Bytes(text.utf8)) == nil)
  }

  @Test("other zones are the same moments")
  func zones() {
    #expect(
      RecordTime(Bytes("2000-01-01T02:30:00+02:30".utf8))
        == RecordTime(Bytes("1999-12-31T23:00:00-01:00".utf8)))
  }
}
