import ContentStore
import Glibc
import Persistence
import Primitives

/// Times single durable adds in a store that holds a given number of blocks.
struct AddLatency {
  private static let blocksPerPut = 10_000
  private static let largeByteCount = 1 << 20
  private static let smallByteCount = 100

  let blockCount: Int
  let directory: String
  let addCount: Int

  func run() async throws {
    let store = try BlockStore(path: "\(directory)/latency-\(blockCount)")
    try await fill(store)
    let large = try times(Self.largeByteCount, store)
    let small = try times(Self.smallByteCount, store)
    print("add-1MiB-p50-of-\(blockCount) \(Int(large * 1e6)) us")
    print("add-100B-p50-of-\(blockCount) \(Int(small * 1e6)) us")
    store.close()
  }

  /// Blocks of the least size; what matters is how many the index has.
  private func fill(_ store: BlockStore) async throws {
    for start in stride(from: 0, to: blockCount, by: Self.blocksPerPut) {
      let numbers = start..<min(blockCount, start + Self.blocksPerPut)
      let blocks = numbers.map { number in
        ContentBlock(hashing: Bytes("block \(number)".utf8), codec: .raw)
      }
      try await store.putPinned([blocks])
    }
  }

  /// The median seconds of adding a new file of this size.
  private func times(_ byteCount: Int, _ store: BlockStore) throws -> Double {
    let path = "\(directory)/latency-input"
    var generator = SplitMix64(seed: UInt64(byteCount))
    var seconds: [Double] = []
    for _ in 0..<addCount {
      var bytes = Bytes()
      while bytes.count < byteCount {
        withUnsafeBytes(of: generator.next()) { bytes.append(contentsOf: $0) }
      }
      guard let file = fopen(path, "w") else { continue }
      fwrite(bytes, 1, bytes.count, file)
      fclose(file)
      let elapsed = try ContinuousClock().measure {
        _ = try ContentAdder(store: store).addBlocking(path: path)
      }
      seconds.append(elapsed / .seconds(1))
    }
    return seconds.sorted()[seconds.count / 2]
  }
}
