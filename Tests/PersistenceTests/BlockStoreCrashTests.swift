import ContentStore
import Cryptography
import Glibc
import Primitives
import Testing

@testable import Persistence

/// Kills in the ordinary tests; the long run sets MARTLET_KILLS.
private let kills = getenv("MARTLET_KILLS").flatMap { Int(String(cString: $0)) } ?? 10

@Suite("A block store whose process is killed", .serialized)
struct BlockStoreCrashTests {
  /// Files read back after each kill; all of them are after the last.
  private static let readBackMax = 64

  @Test("after each kill amid adds, pins and collections every pinned file is whole")
  func killed() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path
    var generator = SplitMix64(seed: 0x6b69_6c6c)
    var kept = KeptFiles()
    for round in 0..<kills {
      let lines = try Child.churn(
        in: path, seed: UInt64(round), linesBeforeKill: Int(generator.next() % 8),
        microsecondsBeforeKill: UInt32(generator.next() % 20_000))
      try kept.take(lines)
      let store = try BlockStore(path: path)
      let checked = round == kills - 1 ? kept.files[...] : kept.files.suffix(Self.readBackMax)
      for (cid, size) in checked {
        var reader = UnixFSReader(root: cid, source: store)
        #expect(UInt64(try reader.readAll(byteCountMax: 1 << 20).count) == size)
        #expect(try store.pin(of: cid)?.kind == .recursive)
        if let digest = cid.digest { #expect(try store.references(of: digest) > 0) }
      }
      try expectConsistent(store)
      store.close()
    }
    #expect(kept.files.count >= kills / 2, "the children did something")
    let store = try BlockStore(path: path)
    var check = BlockStoreCheck(store)
    #expect(try check.runBlocking().faults.isEmpty)
    store.close()
  }

  @Test("after each kill amid long adds every pinned file is whole, and no space is kept")
  func killedLong() throws {
    for round in 0..<max(1, kills / 3) {
      let directory = try TemporaryDirectory()
      var kept = KeptFiles()
      try kept.take(
        Child.churn(
          in: directory.path, seed: UInt64(round), mebibytes: 16, linesBeforeKill: round % 3,
          microsecondsBeforeKill: UInt32(round * 37_003 % 200_000)))
      let store = try BlockStore(path: directory.path)
      for (cid, size) in kept.files {
        var reader = UnixFSReader(root: cid, source: store)
        #expect(UInt64(try reader.readAll(byteCountMax: 16 << 20).count) == size)
      }
      try expectConsistent(store)
      store.close()
      for name in TemporaryDirectory.names(in: "\(directory.path)/segments") {
        let number = try #require(SegmentFile.number(name))
        let file = try SegmentFile.open(
          number, in: "\(directory.path)/segments", writing: false)
        #expect(try file.reservedByteCount() == 0)
      }
    }
  }

  @Test(
    "a full disk is a named error, keeps what was acknowledged and ends when there is room",
    .enabled(if: SmallDisk.isAvailable, "mounting a small tmpfs needs root"))
  func fullDisk() async throws {
    let disk = try SmallDisk(mebibytes: 6)
    var settings = BlockStoreSettings()
    settings.segmentByteCountMax = 1 << 20
    let path = "\(disk.path)/store"
    let store = try BlockStore(path: path, settings: settings)
    var kept: [ContentBlock] = []
    var failure: BlockStoreError?
    for number in 0..<200 where failure == nil {
      let blocks = (0..<4).map { randomBlock(number * 4 + $0, count: 40_000) }
      do throws(BlockStoreError) {
        try await store.putPinned(blocks.map { [$0] })
        kept += blocks
      } catch { failure = error }
    }
    guard case .diskFull = failure else {
      Issue.record("expected a full disk, not \(String(describing: failure))")
      return
    }
    #expect(kept.count > 40)
    for block in kept { #expect(try store.get(block.cid.digest!) == block.bytes) }
    store.close()
    let again = try BlockStore(path: path, settings: settings)
    for block in kept { #expect(try again.get(block.cid.digest!) == block.bytes) }
    // Giving pins up and collecting works on a full disk, and makes room on it.
    let given = kept.prefix(kept.count / 2)
    for block in given { try again.unpinBlocking(block.cid) }
    let report = try again.collectBlocking()
    #expect(report.blockCount >= given.count && report.freedByteCount > 0)
    kept.removeFirst(given.count)
    for block in kept { #expect(try again.get(block.cid.digest!) == block.bytes) }
    try await again.put([randomBlock(9_999, count: 40_000)])
    try expectConsistent(again)
    try disk.resize(mebibytes: 12)
    let more = randomBlock(-1 & 0xffff, count: 40_000)
    try await again.put([more])
    #expect(try again.get(more.cid.digest!) == more.bytes)
    again.close()
  }
}

/// The files that children acknowledged and did not give up.
private struct KeptFiles {
  var files: [(cid: CID, size: UInt64)] = []

  mutating func take(_ lines: [String]) throws {
    for line in lines {
      let fields = line.split(separator: " ").map(String.init)
      let cid = try CID(parsing: fields[1])
      files.removeAll { $0.cid == cid }
      if fields[0] == "+" { files.append((cid, try #require(UInt64(fields[2])))) }
    }
  }
}

/// The benchmark program as a victim.
private enum Child {
  /// Starts adding in `directory`, kills after some lines and microseconds, returns all lines.
  static func churn(
    in directory: String, seed: UInt64, mebibytes: Int = 0, linesBeforeKill: Int,
    microsecondsBeforeKill: UInt32
  ) throws -> [String] {
    var pipe: [Int32] = [0, 0]
    guard Glibc.pipe(&pipe) == 0 else { throw POSIXFailure(code: errno) }
    let arguments = [try program(), "churn", directory, String(seed), String(mebibytes)]
    let pid = try start(arguments, output: pipe[1], unused: pipe[0])
    close(pipe[1])
    defer { close(pipe[0]) }
    var text = Bytes()
    while text.count(where: { $0 == 0x0a }) < linesBeforeKill, read(pipe[0], into: &text) {}
    usleep(microsecondsBeforeKill)
    kill(pid, SIGKILL)
    while read(pipe[0], into: &text) {}
    var status: Int32 = 0
    waitpid(pid, &status, 0)
    return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  private static func read(_ descriptor: Int32, into text: inout Bytes) -> Bool {
    var buffer = Bytes(repeating: 0, count: 4_096)
    let count = Glibc.read(descriptor, &buffer, buffer.count)
    if count > 0 { text += buffer[..<count] }
    return count > 0
  }

  /// The program lies beside the test bundle.
  private static func program() throws -> String {
    var buffer = [CChar](repeating: 0, count: 4_096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    let runner = String(
      decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let path = runner.split(separator: "/").dropLast().map { "/\($0)" }.joined() + "/ContentBench"
    guard access(path, X_OK) == 0 else { throw POSIXFailure(code: errno) }
    return path
  }

  static func start(_ arguments: [String], output: Int32, unused: Int32) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    posix_spawn_file_actions_addclose(&actions, unused)
    var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var pid: pid_t = 0
    let status = posix_spawnp(&pid, arguments[0], &actions, nil, &pointers, environ)
    guard status == 0 else { throw POSIXFailure(code: status) }
    return pid
  }
}

/// A tmpfs of a few mebibytes, unmounted at the end.
final class SmallDisk: Sendable {
  private let directory: TemporaryDirectory
  var path: String { directory.path }

  static let isAvailable: Bool = (try? SmallDisk(mebibytes: 1)) != nil

  init(mebibytes: Int) throws {
    directory = try TemporaryDirectory()
    try Self.run("mount", "-t", "tmpfs", "-o", "size=\(mebibytes)m", "tmpfs", directory.path)
  }

  deinit { try? Self.run("umount", directory.path) }

  func resize(mebibytes: Int) throws {
    try Self.run("mount", "-o", "remount,size=\(mebibytes)m", directory.path)
  }

  private static func run(_ arguments: String...) throws {
    let null = open("/dev/null", O_WRONLY)
    let unused = open("/dev/null", O_RDONLY)
    defer {
      close(null)
      close(unused)
    }
    let pid = try Child.start(arguments, output: null, unused: unused)
    var status: Int32 = 0
    waitpid(pid, &status, 0)
    guard status == 0 else { throw POSIXFailure(code: status) }
  }
}
