import Glibc
import Primitives
import Testing

@testable import Persistence

@Suite("A write-ahead log")
struct WriteAheadLogTests {
  private static func record(_ number: Int) -> Bytes {
    randomBytes(seed: UInt64(number), count: 1 + number * 37 % 300)
  }

  /// Opens the log and returns its records with what recovery found.
  private static func readAll(_ path: String) throws -> ([Bytes], WriteAheadLogRecovery) {
    var records: [Bytes] = []
    let log = try WriteAheadLog(path: path) { location, bytes in
      #expect(location.index == UInt64(records.count))
      records.append(bytes)
    }
    defer { log.close() }
    return (records, log.recovery)
  }

  private static func fill(_ path: String, count: Int) throws {
    let log = try WriteAheadLog(path: path)
    for number in 0..<count { try log.appendBlocking(record(number)) }
    log.close()
  }

  private static func contents(_ path: String) throws -> Bytes {
    try #require(try AtomicFile.read(path))
  }

  private static func overwrite(_ path: String, _ bytes: Bytes) throws {
    try AtomicFile.write(bytes, to: path)
  }

  @Test("records come back in order, and reading one again gives its bytes")
  func replay() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/log"
    let log = try WriteAheadLog(path: path)
    var locations: [WriteAheadLogLocation] = []
    for number in 0..<20 { locations.append(try await log.append(Self.record(number))) }
    for (number, location) in locations.enumerated() {
      #expect(location.index == UInt64(number))
      #expect(try log.read(location) == Self.record(number))
    }
    log.close()
    let (records, recovery) = try Self.readAll(path)
    #expect(records == (0..<20).map(Self.record))
    #expect(recovery == WriteAheadLogRecovery(records: 20, tornBytes: 0))
    let again = try WriteAheadLog(path: path)
    #expect(try await again.append(Self.record(20)).index == 20)
    again.close()
    #expect(try Self.readAll(path).0 == (0...20).map(Self.record))
  }

  @Test("many callers at once share frames and are all acknowledged once")
  func groupCommit() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/log"
    let log = try WriteAheadLog(path: path)
    let indexes = try await withThrowingTaskGroup(of: UInt64.self) { group in
      for number in 0..<500 {
        group.addTask { try await log.append(Self.record(number)).index }
      }
      var indexes: Set<UInt64> = []
      for try await index in group { indexes.insert(index) }
      return indexes
    }
    log.close()
    #expect(indexes == Set(0..<500))
    let (records, _) = try Self.readAll(path)
    #expect(Set(records) == Set((0..<500).map(Self.record)))
    #expect(records.count == 500)
  }

  @Test("a log cut at any byte of its last records keeps exactly the whole ones before the cut")
  func everyTruncation() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/log"
    try Self.fill(path, count: 6)
    let whole = try Self.contents(path)
    var ends = [WriteAheadLogScan.magic.count]
    for number in 0..<6 {
      let frame = WriteAheadLogFrame(firstIndex: UInt64(number), records: [Self.record(number)])
      ends.append(try #require(ends.last) + frame.byteCount)
    }
    #expect(ends.last == whole.count)
    for length in 0..<whole.count {
      try Self.overwrite(path, Bytes(whole.prefix(length)))
      let (records, recovery) = try Self.readAll(path)
      let kept = max(0, ends.count { $0 <= length } - 1)
      #expect(records == (0..<kept).map(Self.record), "cut at \(length)")
      #expect(recovery.tornBytes == (length < ends[0] ? 0 : length - ends[kept]))
      // The cut is repaired: a second start finds nothing to do, and the log takes records.
      #expect(try Self.readAll(path).1.tornBytes == 0)
    }
  }

  @Test("a flipped bit before the last frame is refused with its place, in the last it is cut off")
  func everyBitFlip() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/log"
    try Self.fill(path, count: 3)
    let whole = try Self.contents(path)
    let last = WriteAheadLogFrame(firstIndex: 2, records: [Self.record(2)]).byteCount
    for place in WriteAheadLogScan.magic.count..<whole.count {
      var bytes = whole
      bytes[place] ^= 1 << UInt8(place % 8)
      try Self.overwrite(path, bytes)
      if place < whole.count - last {
        #expect(throws: WriteAheadLogError.self, "byte \(place)") { try Self.readAll(path) }
        #expect(try Self.contents(path) == bytes, "a refused log is not changed")
      } else {
        let (records, recovery) = try Self.readAll(path)
        #expect(records == (0..<2).map(Self.record))
        #expect(recovery.tornBytes == last)
      }
    }
  }

  @Test("a tail of zeros, as a file system leaves it after a power cut, is cut off")
  func zeroTail() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/log"
    try Self.fill(path, count: 2)
    let whole = try Self.contents(path)
    try Self.overwrite(path, whole + Bytes(repeating: 0, count: 5_000))
    let (records, recovery) = try Self.readAll(path)
    #expect(records.count == 2)
    #expect(recovery.tornBytes == 5_000)
  }

  @Test("a frame that is missing in the middle is damage, not a torn tail")
  func missingFrame() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/log"
    let frames = [0, 2].map {
      WriteAheadLogFrame(firstIndex: $0, records: [Self.record(Int($0))]).encoded()
    }
    try Self.overwrite(path, WriteAheadLogScan.magic + frames[0] + frames[1])
    let offset = WriteAheadLogScan.magic.count + frames[0].count
    #expect(throws: WriteAheadLogError.corrupt(path: path, offset: offset)) {
      try Self.readAll(path)
    }
  }

  @Test("another file, a second process and a wrong record are refused by name")
  func refusals() throws {
    let directory = try TemporaryDirectory()
    let other = directory.path + "/other"
    try Self.overwrite(other, Bytes("#!/bin/sh\necho this is a script\n".utf8))
    #expect(throws: WriteAheadLogError.notALog(path: other)) { try WriteAheadLog(path: other) }
    let path = directory.path + "/log"
    let log = try WriteAheadLog(path: path)
    #expect(throws: WriteAheadLogError.file(.locked(path: path))) {
      try WriteAheadLog(path: path)
    }
    #expect(throws: WriteAheadLogError.self) { try log.appendBlocking([]) }
    let limit = WriteAheadLogLimits.recordBytesMax
    #expect(throws: WriteAheadLogError.recordSize(limit + 1, limit: limit)) {
      try log.appendBlocking(Bytes(repeating: 0, count: limit + 1))
    }
    log.close()
    #expect(throws: WriteAheadLogError.closed) { try log.appendBlocking([1]) }
    let nowhere = directory.path + "/none/log"
    #expect(throws: WriteAheadLogError.file(.notFound(path: nowhere))) {
      try WriteAheadLog(path: nowhere)
    }
  }

  @Test("frames of foreign bytes: every truncation and bit flip is refused")
  func hostileFrames() {
    let frame = WriteAheadLogFrame(firstIndex: 9, records: [[1, 2, 3], [4], Self.record(40)])
    let bytes = frame.encoded()
    #expect(WriteAheadLogFrame(decoding: bytes) == frame)
    for length in 0..<bytes.count {
      #expect(WriteAheadLogFrame(decoding: Bytes(bytes.prefix(length))) == nil)
    }
    for bit in 0..<bytes.count * 8 {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(WriteAheadLogFrame(decoding: flipped) == nil, "bit \(bit)")
    }
  }
}
