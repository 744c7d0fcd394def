import ContentNode
import ContentStore
import Cryptography
import Ledger
import Primitives
import Testing

@Suite("What a library keeps on disk")
struct LibraryBytesTests {
  private static let content = ContentBlock(hashing: [1], codec: .raw).cid

  private static let verdicts: [ContentVerdict] = {
    let findings: [ContentFinding] = [
      .pickle(entry: "a", imports: ["os.system", "?.?"], calls: true, isWhole: false),
      .hiddenPickle(entry: "b"), .objectArray(entry: ""), .program, .unread(reason: "r"),
    ]
    let scans: [VirusScan] = [.notAsked, .waiting, .clean, .infected("I"), .failed("F")]
    let decisions: [ContentDecision] = [
      .served, .held("h"),
      .refused([
        .tooLarge(size: 5, limit: 4), .typeNotAllowed(.program), .executable, .denied,
        .infected("I"),
      ]),
    ]
    return scans.flatMap { scan in
      decisions.map { decision in
        ContentVerdict(
          content: content, size: 9, report: ContentReport(type: .torchArchive, findings: findings),
          scan: scan, decision: decision)
      }
    }
  }()

  private static func events() throws -> [LibraryEvent] {
    let keys = try [1, 2].map { try LibraryWorld.key($0).publicKey }
    return verdicts.map { .judged($0) } + [
      .readable(content, .everybody), .readable(content, .nobody),
      .readable(content, .accounts(Set(keys))),
      .offered(content, ContentTerms(price: .tokens(3), royaltyPartsPerMillion: 9)),
      .denied(.content(content), true), .denied(.file(.zero), false),
      .registered(content, transaction: .zero), .owed(content, accesses: 1),
      .paying(content, accesses: .max),
    ]
  }

  @Test("a denial is the bytes that the specification names")
  func denialBytes() {
    let zeros = Bytes(repeating: 0, count: 32)
    #expect(
      LibraryEvent.denied(.file(.zero), false).encoded()
        == [0xA2, 0x62] + Bytes("on".utf8) + [0xF4, 0x66] + Bytes("denied".utf8) + [0x58, 0x20]
        + zeros)
  }

  @Test("every event is read back as it was written")
  func roundTrip() throws {
    for event in try Self.events() {
      #expect(try LibraryEvent(decoding: event.encoded()) == event)
    }
    for reader in [nil, try LibraryWorld.key(1).publicKey] {
      let entry = ContentAccessEntry(
        content: Self.content, reader: reader, milliseconds: 5, byteCount: 6)
      #expect(try ContentAccessEntry(decoding: entry.encoded()) == entry)
    }
  }

  @Test("truncated events are refused, and a flipped bit is read as what it says")
  func damaged() throws {
    for event in try Self.events() {
      let bytes = event.encoded()
      for length in 0..<bytes.count {
        #expect(throws: DecodingFailure.self) {
          try LibraryEvent(decoding: Bytes(bytes.prefix(length)))
        }
      }
      for bit in 0..<bytes.count * 8 {
        var flipped = bytes
        flipped[bit / 8] ^= 1 << UInt8(bit % 8)
        guard let again = try? LibraryEvent(decoding: flipped) else { continue }
        #expect(again.encoded() == flipped)
      }
    }
  }

  @Test("accesses are counted by day, old days stay in the sum, a clock set back counts its day")
  func statistics() {
    var statistics = AccessStatistics()
    func note(day: UInt64, times: Int = 1) {
      for _ in 0..<times {
        statistics.note(
          ContentAccessEntry(
            content: Self.content, reader: nil, milliseconds: day * 86_400_000 + 5, byteCount: 2))
      }
    }
    note(day: 10, times: 3)
    note(day: 12)
    note(day: 11)
    let counts = statistics[Self.content]
    #expect(counts.days.map(\.day) == [10, 11, 12])
    #expect(counts.days.map(\.accesses) == [3, 1, 1])
    #expect(counts.byteCount == 10)
    for day in 100..<600 { note(day: UInt64(day)) }
    #expect(statistics[Self.content].days.count == LibraryLimits.countedDaysMax)
    #expect(statistics[Self.content].days.last?.day == 599)
    #expect(statistics[Self.content].accesses == 505)
    #expect(statistics.accesses == 505)
  }
}
