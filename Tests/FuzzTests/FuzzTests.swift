import FoundationEssentials
import FuzzParsers
import Primitives
import Testing

/// How far the short run in every test goes; `make soak` goes a million inputs further.
private enum ShortRun {
  static let mutationsPerSeed = 200
  static let seed: UInt64 = 0x6d61_7274
}

@Suite("Parsers of foreign bytes")
struct FuzzTests {
  private static let corpus = #filePath.replacing("FuzzTests/FuzzTests.swift", with: "Fuzz/corpus/")

  private static func seeds(of name: String) -> [[UInt8]] {
    let folder = corpus + name
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.sorted().compactMap { FileManager.default.contents(atPath: folder + "/" + $0) }
      .map { [UInt8]($0) }
  }

  @Test("every parser has inputs to begin with, and every folder of inputs a parser")
  func corpusMatches() throws {
    let folders = try FileManager.default.contentsOfDirectory(atPath: Self.corpus).sorted()
    #expect(folders == FuzzedParser.all.map(\.name).sorted())
    for parser in FuzzedParser.all {
      #expect(!Self.seeds(of: parser.name).isEmpty, "\(parser.name)")
    }
  }

  @Test(
    "a parser survives each truncation and many damaged copies of its inputs",
    arguments: FuzzedParser.all.map(\.name))
  func survives(name: String) throws {
    let parser = try #require(FuzzedParser.all.first { $0.name == name })
    var random = SplitMix64(seed: ShortRun.seed)
    for seed in Self.seeds(of: name) {
      for length in 0...min(seed.count, ShortRun.mutationsPerSeed) {
        parser.parse(Array(seed.prefix(length)))
      }
      for _ in 0..<ShortRun.mutationsPerSeed {
        parser.parse(damaged(seed, using: &random))
      }
    }
  }

  private func damaged(_ seed: [UInt8], using random: inout SplitMix64) -> [UInt8] {
    var bytes = seed
    for _ in 0...Int.random(in: 0..<4, using: &random) where !bytes.isEmpty {
      let place = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<3, using: &random) {
      case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
      case 1: bytes.remove(at: place)
      default: bytes.insert(bytes[place], at: place)
      }
    }
    return bytes
  }
}
