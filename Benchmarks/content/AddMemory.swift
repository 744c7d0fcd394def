import ContentStore
import Glibc
import Persistence
import Primitives
import Telemetry

/// Adds a stream of new bytes and reports the most memory that was resident.
struct AddMemory {
  private static let pieceByteCount = 1 << 20
  private static let kibibytesPerMebibyte = 1_024

  let mebibytes: Int
  let directory: String

  func run() throws {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { return }
    let (input, output) = (ends[0], ends[1])
    let source = NamedThread("memory-source") { [mebibytes] in
      Self.write(mebibytes, to: output)
      close(output)
    }
    let store = try BlockStore(path: "\(directory)/memory-store")
    let file = try ContentAdder(store: store).addBlocking(descriptor: input)
    source.join()
    store.close()
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    let resident = usage.ru_maxrss / Self.kibibytesPerMebibyte
    print("resident-max-adding-\(file.fileSize >> 20)MiB \(resident) MiB")
  }

  private static func write(_ mebibytes: Int, to descriptor: Int32) {
    var generator = SplitMix64(seed: 7)
    var piece = [UInt64](repeating: 0, count: pieceByteCount / 8)
    for _ in 0..<mebibytes {
      for index in piece.indices { piece[index] = generator.next() }
      piece.withUnsafeBytes { buffer in
        var rest = buffer[...]
        while !rest.isEmpty {
          let count = Glibc.write(
            descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
          guard count > 0 else { return }
          rest = rest.dropFirst(count)
        }
      }
    }
  }
}
