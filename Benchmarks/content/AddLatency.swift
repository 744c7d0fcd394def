import ContentStore
import Glibc
import Persistence
import Primitives

/// Times single durable adds in a store of few and in one of many blocks, in turn.
struct AddLatency {
  private static let blocksPerPut = 10_000
  private static let sizes = [(name: "1MiB", byteCount: 1 << 20), (name: "100B", byteCount: 100)]

  /// How many blocks each store holds before.
  let blockCounts: [Int]
  let directory: String
  let addCount: Int

  func run() async throws {
    var stores: [BlockStore] = []
    for count in blockCounts {
      let store = try BlockStore(path: "\(directory)/latency-\(count)")
      try await fill(store, count)
      stores.append(store)
    }
    for size in Self.sizes {
      for (count, seconds) in zip(blockCounts, try medians(size.byteCount, stores)) {
        print("add-\(size.name)-p50-of-\(count) \(Int(seconds * 1e6)) us")
      }
    }
    for store in stores { store.close() }
  }

  /// Blocks of the least size; what matters is how many the index has.
  private func fill(_ store: BlockStore, _ count: Int) async throws {
    for start in stride(from: 0, to: count, by: Self.blocksPerPut) {
      let blocks = (start..<min(count, start + Self.blocksPerPut)).map { number in
        ContentBlock(hashing: Bytes("block \(number)".utf8), codec: .raw)
      }
      try await store.putPinned([blocks])
    }
  }

  /// The median seconds of adding a new file of this size to each store.
  private func medians(_ byteCount: Int, _ stores: [BlockStore]) throws -> [Double] {
    let path = "\(directory)/latency-input"
    var generator = SplitMix64(seed: UInt64(byteCount))
    var seconds = [[Double]](repeating: [], count: stores.count)
    for round in 0..<addCount {
      try write(byteCount, to: path, &generator)
      // Who comes first finds the file less warm.
      let order = stores.indices.map { ($0 + round) % stores.count }
      for index in order {
        let elapsed = try ContinuousClock().measure {
          _ = try ContentAdder(store: stores[index]).addBlocking(path: path)
        }
        seconds[index].append(elapsed / .seconds(1))
      }
    }
    return seconds.map { $0.sorted()[$0.count / 2] }
  }

  private func write(
    _ byteCount: Int, to path: String, _ generator: inout SplitMix64
  ) throws {
    var bytes = Bytes()
    while bytes.count < byteCount {
      withUnsafeBytes(of: generator.next()) { bytes.append(contentsOf: $0) }
    }
    guard let file = fopen(path, "w") else { preconditionFailure("no room for \(path)") }
    defer { fclose(file) }
    fwrite(bytes, 1, bytes.count, file)
  }
}
