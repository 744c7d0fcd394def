import NeuralNetworks
import Persistence
import Primitives
import Testing
import UsefulWork

@testable import Node

@Suite("Files of a training")
struct TrainingFileTests {
  @Test("a curve keeps the mean of every stretch in bounded memory")
  func curve() throws {
    var curve = StepCurve()
    for step in 0..<100_000 { curve.append(Double(step)) }
    let means = curve.means
    #expect(means.count <= 2_048 && curve.steps == 100_000)
    #expect(means.allSatisfy { abs($0.step - $0.mean) < 1e-6 })
    #expect(try StepCurve(canonicalValue: curve.canonicalValue) == curve)
  }

  @Test("a history reads back, and no part of it does")
  func history() throws {
    var history = TrainingHistory()
    for step in 0..<20 { history.note(loss: 1 / Double(step + 1), rate: 0.1, gradientNorm: 2) }
    history.note(
      EpochScore(
        epoch: 1, step: 20, trainingLoss: 0.5, testLoss: 0.4, metrics: [.init("accuracy", 0.9)]))
    let bytes = history.encoded()
    #expect(try TrainingHistory(decoding: bytes) == history)
    for length in bytes.indices {
      #expect(throws: DecodingFailure.self) {
        try TrainingHistory(decoding: Bytes(bytes.prefix(length)))
      }
    }
  }

  @Test("a commitment reads back; every truncation is refused and no flipped bit passes unseen")
  func commitment() throws {
    let fixture = try TrainingFixture()
    let local = try fixture.task()
    let record = try #require(try fixture.train(local, fixture.plan()).record)
    let commitment = LocalCommitment(
      task: local.task, record: record, data: local.data.description,
      signedBy: TrainingFixture.key)
    let bytes = commitment.encoded()
    #expect(try LocalCommitment(decoding: bytes) == commitment && commitment.isSignatureValid)
    for length in bytes.indices {
      #expect(throws: DecodingFailure.self) {
        try LocalCommitment(decoding: Bytes(bytes.prefix(length)))
      }
    }
    for bit in 0..<bytes.count * 8 {
      var damaged = bytes
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      let read = try? LocalCommitment(decoding: damaged)
      #expect(read.map { !$0.isSignatureValid } ?? true, "bit \(bit)")
    }
  }

  @Test("an unsigned commitment has no signature to be wrong")
  func unsigned() throws {
    let fixture = try TrainingFixture()
    let local = try fixture.task()
    let record = try #require(try fixture.train(local, fixture.plan()).record)
    let commitment = LocalCommitment(
      task: local.task, record: record, data: local.data.description, signedBy: nil)
    #expect(commitment.isSignatureValid)
    #expect(try LocalCommitment(decoding: commitment.encoded()) == commitment)
  }

  @Test("a saved model holds what a prediction needs, and damaged ones are refused by name")
  func savedModel() throws {
    let fixture = try TrainingFixture()
    let local = try fixture.task()
    let saved = local.saved(local.base)
    let file = saved.file
    let read = try SavedModel(file: file)
    #expect(read.parameters == saved.parameters && read.preparation == saved.preparation)
    #expect(read.configuration.architecture == local.task.architecture)
    for length in stride(from: 0, to: file.count, by: 7) {
      #expect(throws: (any Error).self) { try SavedModel(file: Bytes(file.prefix(length))) }
    }
    let path = fixture.file("broken.safetensors")
    try AtomicFile.write(Bytes(file.dropLast()), to: path)
    #expect { try SavedModel(path: path) } throws: { error in
      guard case LocalTrainingError.model(path, _) = error else { return false }
      return true
    }
  }

  @Test("a preparation reads back with scaling, names and vocabulary")
  func preparation() throws {
    let preparation = DataPreparation(
      scaling: .standard(try Standardisation(means: [1, -2.5], deviations: [0.1, 3])),
      classNames: ["yes", "no, \"never\""], featureNames: ["a", "b"],
      vocabulary: try .characters(of: Bytes("martlet".utf8)))
    #expect(try DataPreparation(json: preparation.json) == preparation)
    let text = preparation.json.text()
    #expect(try DataPreparation(json: JSONValue(parsing: Bytes(text.utf8))) == preparation)
    #expect(throws: DatasetError.self) { try DataPreparation(json: ["divisor": -1]) }
    #expect(throws: DatasetError.self) { try DataPreparation(json: ["classes": [1]]) }
  }
}
