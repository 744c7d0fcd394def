import ContentStore
import Cryptography
import Glibc
import Persistence
import Primitives

/// Times hashing, only-hash, the bare disk, durable add, adding again and verified reading of one file, in turn.
struct Measurement {
  /// The piece size of `openssl speed -bytes 262144`, which run.sh sets beside these figures.
  private static let pieceByteCount = 262_144

  let file: String
  let directory: String

  func run(rounds: Int) throws {
    for round in 0..<rounds {
      let store = try BlockStore(path: "\(directory)/store-\(round)")
      let bytes = try ContentAdder(store: nil).addBlocking(path: file).fileSize
      report("sha256-one-thread", bytes, time { hash(bytes) })
      report("only-hash", bytes, try time { try ContentAdder(store: nil).addBlocking(path: file) })
      try touchPages(bytes)
      report("disk-durable", bytes, try time { try writeAndSync(bytes) })
      let adder = ContentAdder(store: store)
      try touchPages(bytes)
      report("add-durable", bytes, try time { try adder.addBlocking(path: file) })
      report("add-again", bytes, try time { try adder.addBlocking(path: file) })
      let cid = try adder.addBlocking(path: file).cid
      report("get-verified", bytes, try time { try read(cid, from: store) })
      store.close()
    }
  }

  private func time(_ work: () throws -> some Any) rethrows -> (wall: Double, cpu: Double) {
    let before = cpuSeconds()
    let elapsed = try ContinuousClock().measure { _ = try work() }
    return (elapsed / .seconds(1), cpuSeconds() - before)
  }

  /// What all threads of this process used, user and system: steady on a machine with other work.
  private func cpuSeconds() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    let times = [usage.ru_utime, usage.ru_stime]
    return times.reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
  }

  private func report(_ name: String, _ bytes: UInt64, _ elapsed: (wall: Double, cpu: Double)) {
    print("\(name) \(Int(Double(bytes) / elapsed.wall / 1e6)) MB/s")
    print("\(name)/cpu \(Int(Double(bytes) / elapsed.cpu / 1e6)) MB/s")
  }

  private func hash(_ bytes: UInt64) -> Digest {
    let piece = Bytes(repeating: 7, count: Self.pieceByteCount)
    let hasher = SHA256Hasher()
    for _ in 0..<bytes / UInt64(piece.count) { hasher.update(piece) }
    return hasher.finalize()
  }

  /// What the disk itself gives: the same number of bytes in one file, then fdatasync.
  private func writeAndSync(_ bytes: UInt64) throws {
    try withFile(of: bytes) { descriptor in
      guard fdatasync(descriptor) == 0 else { throw DiskFailure() }
    }
  }

  /// Writes and removes twice as much. A virtual machine's first touch of a page of files waits for
  /// its host, at 300 MB/s where this was measured; that is not what is timed here.
  private func touchPages(_ bytes: UInt64) throws { try withFile(of: 2 * bytes) { _ in } }

  /// Writes so many bytes to a file, which is removed behind `body`.
  private func withFile(of bytes: UInt64, _ body: (Int32) throws -> Void) throws {
    let path = "\(directory)/disk"
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    defer {
      close(descriptor)
      unlink(path)
    }
    let piece = Bytes(repeating: 7, count: 4 * Self.pieceByteCount)
    for _ in 0..<bytes / UInt64(piece.count) {
      guard write(descriptor, piece, piece.count) == piece.count else { throw DiskFailure() }
    }
    try body(descriptor)
  }

  private struct DiskFailure: Error {}

  private func read(_ cid: CID, from store: BlockStore) throws -> UInt64 {
    let descriptor = open("/dev/null", O_WRONLY)
    defer { close(descriptor) }
    return try ContentExport(store: store).writeBlocking(cid, to: descriptor)
  }
}
