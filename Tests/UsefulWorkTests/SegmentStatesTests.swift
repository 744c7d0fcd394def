import NeuralNetworks
import Primitives
import Testing

@testable import UsefulWork

@Suite struct SegmentStatesTests {
  @Test("kept and recomputed states have the committed roots", arguments: [1, 500, 900, 1 << 20])
  func bounded(bytes: Int) throws {
    let work = try WorkFixture(seed: 12, momentum: 0.9)
    let result = try work.task.execute(
      dataset: work.dataset, base: work.base, evidenceMax: ByteCount(bytes))
    let stateBytes = work.base.values.count * 8
    #expect(result.evidence.keptCount <= max(1, bytes / stateBytes))
    for segment in 1..<work.task.segments {
      let state = try #require(
        try result.evidence.startState(of: segment, dataset: work.dataset))
      #expect(work.task.root(of: state) == result.record.segmentRoots[segment - 1])
    }
    #expect(try result.evidence.startState(of: work.task.segments, dataset: work.dataset) == nil)
    #expect(try result.evidence.startState(of: -1, dataset: work.dataset) == nil)
  }

  @Test("every truncation of a served state is refused")
  func truncated() throws {
    let work = try WorkFixture(seed: 12, momentum: 0.9)
    let bytes = work.task.startState(base: work.base).encoded()
    #expect(try TrainingState(decoding: bytes, for: work.task).encoded() == bytes)
    for length in 0..<bytes.count {
      #expect(throws: DecodingFailure.self) {
        try TrainingState(decoding: Bytes(bytes.prefix(length)), for: work.task)
      }
    }
  }

  @Test("no flipped bit of a served state passes its root")
  func flipped() throws {
    let work = try WorkFixture(seed: 12)
    let start = work.task.startState(base: work.base)
    let bytes = start.encoded()
    let root = work.task.root(of: start)
    for bit in 0..<bytes.count * 8 {
      var changed = bytes
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      guard let state = try? TrainingState(decoding: changed, for: work.task) else { continue }
      #expect(work.task.root(of: state) != root, "bit \(bit)")
    }
  }
}
