import Glibc
import Primitives
import Telemetry
import Testing

@testable import Persistence

/// Kills in the ordinary tests; the long run sets MARTLET_KILLS.
private let kills = getenv("MARTLET_KILLS").flatMap { Int(String(cString: $0)) } ?? 10

/// The record with this number: the number itself, then seeded bytes.
private func numbered(_ number: UInt64) -> Bytes {
  withUnsafeBytes(of: number.littleEndian) { Bytes($0) }
    + randomBytes(seed: number, count: Int(number % 2_000))
}

/// The victim: appends from four threads, notes each acknowledged number, and is killed.
private func appendUntilKilled(directory: String, firstNumber: UInt64, microseconds: UInt32) {
  guard let log = try? WriteAheadLog(path: directory + "/log") else { exit(3) }
  let notes = open(directory + "/acknowledged", O_WRONLY | O_CREAT | O_APPEND, 0o600)
  for thread in 0..<UInt64(4) {
    NamedThread("appender") {
      var number = firstNumber + thread
      while (try? log.appendBlocking(numbered(number))) != nil {
        withUnsafeBytes(of: number.littleEndian) { _ = write(notes, $0.baseAddress, $0.count) }
        number += 4
      }
    }.detach()
  }
  usleep(microseconds)
  kill(getpid(), SIGKILL)
}

@Suite("A write-ahead log whose process is killed", .serialized)
struct WriteAheadLogCrashTests {
  @Test("every acknowledged record survives each kill, once and whole")
  func killed() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.path
    var random = SplitMix64(seed: 0x77_616c)
    for round in 0..<kills {
      let firstNumber = UInt64(round) << 32
      let microseconds = UInt32.random(in: 500...30_000, using: &random)
      await #expect(processExitsWith: .signal(SIGKILL)) {
        [
          path = path as String, firstNumber = firstNumber as UInt64,
          microseconds = microseconds as UInt32
        ] in
        appendUntilKilled(
          directory: path, firstNumber: firstNumber, microseconds: microseconds)
      }
      var found: [Bytes] = []
      let log = try WriteAheadLog(path: path + "/log") { _, bytes in found.append(bytes) }
      log.close()
      let notes = try AtomicFile.read(path + "/acknowledged") ?? []
      let records = Set(found)
      #expect(records.count == found.count, "no record is doubled")
      for start in stride(from: 0, to: notes.count / 8 * 8, by: 8) {
        let number = notes[start..<start + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        #expect(records.contains(numbered(number)), "record \(number) after kill \(round)")
      }
    }
    let notes = try AtomicFile.read(path + "/acknowledged") ?? []
    #expect(notes.count / 8 >= kills, "the victims did something")
  }

  @Test("a full disk is a named error, what was acknowledged stays, and room ends it")
  func fullDisk() async throws {
    await #expect(processExitsWith: .success) {
      // The file size limit stands in for a small disk: the same write fails, with EFBIG.
      signal(SIGXFSZ, SIG_IGN)
      let directory = try TemporaryDirectory()
      let path = directory.path + "/log"
      let log = try WriteAheadLog(path: path)
      try log.appendBlocking(numbered(1))
      var limit = rlimit()
      getrlimit(__rlimit_resource_t(1), &limit)
      let unlimited = limit.rlim_cur
      limit.rlim_cur = 2_000
      setrlimit(__rlimit_resource_t(1), &limit)
      let large = Bytes(repeating: 7, count: 5_000)
      #expect(throws: WriteAheadLogError.file(.diskFull(path: path))) {
        try log.appendBlocking(large)
      }
      #expect(throws: FileError.diskFull(path: directory.path + "/state")) {
        try AtomicFile.write(large, to: directory.path + "/state")
      }
      #expect(TemporaryDirectory.names(in: directory.path) == ["log"])
      try log.appendBlocking(numbered(2))
      limit.rlim_cur = unlimited
      setrlimit(__rlimit_resource_t(1), &limit)
      try log.appendBlocking(large)
      log.close()
      var records: [Bytes] = []
      let again = try WriteAheadLog(path: path) { _, bytes in records.append(bytes) }
      #expect(records == [numbered(1), numbered(2), large])
      #expect(again.recovery.tornBytes == 0)
      again.close()
    }
  }
}
