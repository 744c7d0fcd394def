import ContentStore
import Cryptography
import Glibc
import Persistence
import Primitives
import Telemetry

/// Adds, pins, unpins and collects files as fast as it can, for a killer to interrupt: small seeded
/// ones where `mebibytes` is 0, else random ones of so many.
///
/// One line an acknowledgement: `+ CID SIZE` for a file that is durable and pinned, `- CID` before
/// its pin is given up (from then on it may be gone).
struct Churn {
  /// One file in three is given up again.
  private static let unpinnedInverse: UInt64 = 3

  let directory: String
  let seed: UInt64
  let mebibytes: Int

  func run() throws {
    // Small segments, so that a kill often falls on the change from one to the next.
    var settings = BlockStoreSettings()
    settings.segmentByteCountMax = UInt64(1 + mebibytes * 2) << 20
    let store = try BlockStore(path: directory, settings: settings)
    let collector = NamedThread("churn-collect") { Self.collect(store) }
    defer { collector.join() }
    let small = try UnixFSLayout(
      chunkByteCount: 4_096, linksPerNodeMax: 8, hasRawLeaves: true, cidVersion: .v1)
    let layout = mebibytes > 0 ? UnixFSProfile.v1In2025.layout : small
    let adder = ContentAdder(store: store, layout: layout)
    var generator = SplitMix64(seed: seed)
    while true {
      let path = "\(directory)/input"
      let bytes =
        mebibytes > 0 ? SystemRandom.bytes(mebibytes << 20) : Self.content(&generator)
      Self.write(bytes, to: path)
      let file = try adder.addBlocking(path: path)
      guard Self.print("+ \(file.cid) \(file.fileSize)") else { return }
      guard generator.next() % Self.unpinnedInverse == 0 else { continue }
      guard Self.print("- \(file.cid)") else { return }
      try store.unpinBlocking(file.cid)
    }
  }

  /// Collects without a pause, beside the adds.
  private static func collect(_ store: BlockStore) {
    while (try? store.collectBlocking()) != nil {}
  }

  /// One write a line: a kill never leaves half an acknowledgement.
  private static func print(_ line: String) -> Bool {
    let line = Array("\(line)\n".utf8)
    return Glibc.write(STDOUT_FILENO, line, line.count) == line.count
  }

  private static func content(_ generator: inout SplitMix64) -> Bytes {
    var bytes = Bytes()
    let count = Int(generator.next() % 100_000)
    // Half of the files can be compressed.
    let mask: UInt64 = generator.next() % 2 == 0 ? .max : 0x0f0f
    while bytes.count < count {
      withUnsafeBytes(of: generator.next() & mask) { bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  private static func write(_ bytes: Bytes, to path: String) {
    guard let file = fopen(path, "w") else { return }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
  }
}
