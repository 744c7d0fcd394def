import FoundationEssentials
import Primitives
import Testing

@testable import NeuralNetworks

@Suite struct TextTests {
  /// Genesis and Exodus, the text of the examples.
  private func text() throws -> Bytes {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let path = tests.deletingLastPathComponent().appending(path: "Examples/data/genesis_exodus.txt")
    return Bytes(try Data(contentsOf: path))
  }

  @Test("the bigram baseline of the shipped text is 2.2086 nats a character")
  func bigram() throws {
    let text = try text()
    let vocabulary = try Vocabulary.characters(of: text)
    #expect(vocabulary.size == 62 && text.count == 366_283)
    let tokens = try vocabulary.encode(text)
    let (train, test) = try RowSplit.tail(0.1).parts(of: tokens.count)
    #expect(test.count == 36_628)
    let baseline = try BigramBaseline(
      training: tokens[..<train.count], vocabulary: vocabulary.size)
    // Counted by a Python program of its own: 2.2085588918621744.
    #expect(abs(try baseline.crossEntropy(of: tokens[train.count...]) - 2.2085588918621744) < 1e-12)
  }

  @Test("characters are numbered by their code points and survive")
  func characters() throws {
    let vocabulary = try Vocabulary.characters(of: Bytes("bañana\n".utf8))
    #expect(vocabulary == .characters(["\n", "a", "b", "n", "ñ"]))
    let tokens = try vocabulary.encode(Bytes("nab\nñ".utf8))
    #expect(tokens == [3, 1, 2, 0, 4])
    #expect(vocabulary.decode(tokens) == Bytes("nab\nñ".utf8))
    #expect(throws: DatasetError.unknownCharacter("c", offset: 3)) {
      try vocabulary.encode(Bytes("ñac".utf8))
    }
    #expect(throws: DatasetError.notText(offset: 2)) { try vocabulary.encode([0x61, 0x62, 0xff]) }
    #expect(throws: DatasetError.empty) { try Vocabulary.characters(of: []) }
  }

  @Test("pairs are learned in the order of how often they occur, the lowest first among equals")
  func training() throws {
    // Words: "low" ×3, " low" ×2, " er" ×2: l-o and o-w 5 times each; l < o.
    let encoding = try BytePairEncoding(training: Bytes("low low low er er".utf8), size: 260)
    #expect(
      encoding.merges == [
        .init(left: 0x6c, right: 0x6f), .init(left: 256, right: 0x77),
        .init(left: 0x20, right: 0x65), .init(left: 0x20, right: 257),
      ])
    #expect(encoding.encode(Bytes("lower low".utf8)) == [257, 0x65, 0x72, 259])
    #expect(try BytePairEncoding(training: Bytes("ab".utf8), size: 300).merges.isEmpty)
  }

  @Test("every bytes survive pair encoding", arguments: UInt64(0)..<4)
  func roundTrip(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let encoding = try BytePairEncoding(training: Bytes(text().prefix(4_000)), size: 340)
    let bytes = Bytes((0..<500).map { _ in UInt8.random(in: 0...255, using: &random) })
    #expect(encoding.decode(encoding.encode(bytes)) == bytes)
    let start = Int.random(in: 0..<300_000, using: &random)
    let part = Bytes(try text()[start..<start + 2_000])
    let tokens = encoding.encode(part)
    #expect(encoding.decode(tokens) == part && tokens.count < part.count * 4 / 5)
  }

  @Test("a vocabulary survives its JSON, and broken ones are refused")
  func json() throws {
    let text = Bytes(try text().prefix(5_000))
    for vocabulary in [
      try Vocabulary.characters(of: text),
      .pairs(try BytePairEncoding(training: text, size: 300)),
    ] {
      let bytes = vocabulary.json.encoded()
      #expect(try Vocabulary(json: JSONValue(parsing: bytes)) == vocabulary)
      for length in 0..<bytes.count {
        #expect((try? JSONValue(parsing: Bytes(bytes.prefix(length)))) == nil)
      }
      for bit in 0..<bytes.count * 8 {
        var changed = bytes
        changed[bit / 8] ^= 1 << UInt8(bit % 8)
        fuzzVocabulary(changed)
      }
    }
    for bad in [
      #"{"kind":"characters","characters":""}"#, #"{"kind":"characters","characters":"ba"}"#,
      #"{"kind":"pairs","merges":[[256,0]]}"#, #"{"kind":"pairs","merges":[[-1,0]]}"#,
      #"{"kind":"pairs","merges":[[1,2],[1,2]]}"#, #"{"kind":"words","merges":[]}"#, "{}",
      #"{"kind":"pairs","merges":[[1,2,3]]}"#, #"{"kind":"pairs","merges":[],"x":1}"#,
    ] {
      #expect(throws: DatasetError.self) {
        try Vocabulary(json: JSONValue(parsing: Bytes(bad.utf8)))
      }
    }
    let doubling = (0..<12).map {
      BytePairEncoding.Pair(left: $0 == 0 ? 0 : 255 + $0, right: $0 == 0 ? 0 : 255 + $0)
    }
    #expect(throws: DatasetError.vocabulary("merge 10 makes a token of 2048 bytes")) {
      try BytePairEncoding(merges: doubling)
    }
  }

  @Test("windows hold each token once as a target, one place later")
  func windows() throws {
    var windows = try TokenWindows(Array(0..<11), vocabulary: 11, length: 3)
    #expect(windows.rows == 3)
    let table = try windows.table(rows: [2, 0])
    #expect(table.inputs == .tokens([6, 7, 8, 0, 1, 2], vocabulary: 11))
    #expect(table.targets == .tokens([7, 8, 9, 1, 2, 3], vocabulary: 11, length: 3))
    #expect(try TokenWindows(Array(0..<10), vocabulary: 11, length: 3, stride: 1).rows == 7)
    #expect(throws: DatasetError.tooFewTokens(3, needed: 4)) {
      try TokenWindows([0, 1, 2], vocabulary: 3, length: 3)
    }
    #expect(throws: DatasetError.label(3, row: 1, classes: 3)) {
      try TokenWindows([0, 3, 2, 1], vocabulary: 3, length: 3)
    }
  }
}
