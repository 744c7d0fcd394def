import ContentStore
import Glibc
import Persistence
import Primitives

/// Times adding a directory of small files, durable and pinned, and naming it alone.
struct SmallFiles {
  private static let filesPerFolder = 1_000
  /// Sizes go from nothing to this: configuration files and source code.
  private static let byteCountMax: UInt64 = 2_000

  let count: Int
  let directory: String

  func run() throws {
    let root = "\(directory)/small"
    try make(root)
    let store = try BlockStore(path: "\(directory)/small-store")
    report("small-only-hash", try time { try add(root, to: nil) })
    report("small-add", try time { try add(root, to: store) })
    report("small-add-again", try time { try add(root, to: store) })
    store.close()
  }

  private func add(_ root: String, to store: BlockStore?) throws -> AddedEntry {
    try ContentTreeAdder(ContentAdder(store: store)).addBlocking(path: root)
  }

  private func time(_ work: () throws -> some Any) rethrows -> Double {
    try ContinuousClock().measure { _ = try work() } / .seconds(1)
  }

  private func report(_ name: String, _ seconds: Double) {
    print("\(name) \(Int(Double(count) / seconds)) files/s")
  }

  private func make(_ root: String) throws {
    mkdir(root, 0o755)
    var generator = SplitMix64(seed: 1)
    for number in 0..<count {
      let folder = "\(root)/\(number / Self.filesPerFolder)"
      if number % Self.filesPerFolder == 0 { mkdir(folder, 0o755) }
      let size = Int(generator.next() % Self.byteCountMax)
      let bytes = (0..<size).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
      guard let file = fopen("\(folder)/\(number)", "w") else { continue }
      fwrite(bytes, 1, bytes.count, file)
      fclose(file)
    }
  }
}
