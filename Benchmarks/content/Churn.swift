import ContentStore
import Glibc
import Persistence
import Primitives

/// Adds seeded files of many sizes as fast as it can, for a killer to interrupt.
struct Churn {
  let directory: String
  let seed: UInt64

  func run() throws {
    // Small segments, so that a kill often falls on the change from one to the next.
    var settings = BlockStoreSettings()
    settings.segmentByteCountMax = 1 << 20
    let store = try BlockStore(path: directory, settings: settings)
    let layout = try UnixFSLayout(
      chunkByteCount: 4_096, linksPerNodeMax: 8, hasRawLeaves: true, cidVersion: .v1)
    let adder = ContentAdder(store: store, layout: layout)
    var generator = SplitMix64(seed: seed)
    while true {
      let path = "\(directory)/input"
      try Self.write(&generator, to: path)
      let file = try adder.addBlocking(path: path)
      // One write a line: a kill never leaves half an acknowledgement.
      let line = Array("\(file.cid) \(file.fileSize)\n".utf8)
      guard Glibc.write(STDOUT_FILENO, line, line.count) == line.count else { return }
    }
  }

  private static func write(_ generator: inout SplitMix64, to path: String) throws {
    var bytes = Bytes()
    let count = Int(generator.next() % 100_000)
    while bytes.count < count {
      withUnsafeBytes(of: generator.next()) { bytes.append(contentsOf: $0) }
    }
    guard let file = fopen(path, "w") else { return }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
  }
}
