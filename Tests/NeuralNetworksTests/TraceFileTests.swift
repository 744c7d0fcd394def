import FoundationEssentials
import Primitives
import Testing

@testable import NeuralNetworks

@Suite struct TraceFileTests {
  private static let names = ["mlp", "cnn", "transformer"]

  /// With `MARTLET_WRITE_TRACES` set the files are written instead: `Tests/Kernels/elsewhere.sh`
  /// replays them on other processors, so they change only with the kernel specification.
  @Test("ten steps give the trace files that other processors replay", arguments: 0..<3)
  func golden(index: Int) throws {
    let bytes = try SmallRuns.make(index).traceFile(steps: 10)
    let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Kernels/traces/\(Self.names[index]).mktrace")
    if ProcessInfo.processInfo.environment["MARTLET_WRITE_TRACES"] != nil {
      try Data(bytes).write(to: path)
    }
    #expect(Bytes(try Data(contentsOf: path)) == bytes)
  }

  @Test("writing a trace does the steps, and the file says how many")
  func steps() throws {
    let plain = try SmallRuns.make(1)
    try plain.run(steps: 5)
    let traced = try SmallRuns.make(1)
    let file = try traced.traceFile(steps: 5)
    #expect(traced.stateRoot() == plain.stateRoot() && traced.step == 5)
    func number(_ place: Int) -> Int {
      file[8 + place * 8..<16 + place * 8].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    #expect(String(decoding: file[..<8], as: UTF8.self) == "mktrace1")
    #expect(number(0) == traced.arena.count && number(1) == 2 && number(2) == 5)
    #expect(number(3) == traced.operationCount(ofStep: 0) - 1)
    #expect(try traced.traceFile(steps: 100).count > file.count)
    #expect(traced.isFinished)
  }
}
