import Cryptography
import NeuralNetworks
import Persistence
import Primitives
import Testing
import UsefulWork

@testable import Node

@Suite("Training on one machine")
struct LocalTrainingTests {
  @Test("a fifth of the rows is kept aside: those whose number is a multiple of five")
  func split() throws {
    let fixture = try TrainingFixture()
    let local = try fixture.task()
    #expect(local.data.training.rows == 72 && local.data.test.rows == 18)
    let whole = try ExampleTable(
      csv: Bytes(TrainingFixture.table().utf8), layout: CSVLayout(header: .absent))
    guard case .classes(let labels, _) = whole.targets else {
      Issue.record("no classes")
      return
    }
    var test = local.data.test
    guard case .classes(let kept, _) = try test.table().targets else {
      Issue.record("no classes")
      return
    }
    #expect(kept == stride(from: 0, to: 90, by: 5).map { labels[$0] })
  }

  @Test(
    "a run that is stopped anywhere goes on to the same bits, roots and scores",
    arguments: [1, 2, 3])
  func resuming(stretches: Int) throws {
    let whole = try TrainingFixture()
    let uninterrupted = try whole.train(whole.task(), whole.plan())
    let fixture = try TrainingFixture()
    var stops = 0
    var result: LocalTrainingResult?
    while result == nil {
      let training = try LocalTraining(fixture.task(), plan: fixture.plan(resumes: true))
      var count = 0
      do {
        result = try training.train(
          isStopped: {
            count += 1
            return count == stretches
          }, news: { _ in })
      } catch LocalTrainingError.interrupted {
        stops += 1
      }
    }
    #expect(stops >= 2)
    #expect(result?.parameters == uninterrupted.parameters)
    #expect(result?.record?.segmentRoots == uninterrupted.record?.segmentRoots)
    #expect(result?.history.epochs == uninterrupted.history.epochs)
    #expect(result?.history.losses == uninterrupted.history.losses)
  }

  @Test("a checkpoint of another task, a damaged one and one without roots are refused")
  func wrongCheckpoints() throws {
    let fixture = try TrainingFixture()
    func stopped(_ plan: LocalTrainingPlan) throws {
      let training = try LocalTraining(fixture.task(), plan: plan)
      // Behind the first segment, so that its root is missed.
      var looks = 0
      #expect(throws: LocalTrainingError.self) {
        try training.train(
          isStopped: {
            looks += 1
            return looks == 4
          }, news: { _ in })
      }
    }
    try stopped(fixture.plan(commits: false))
    #expect(throws: LocalTrainingError.self) {
      _ = try LocalTraining(fixture.task(seed: 4), plan: fixture.plan(resumes: true))
    }
    #expect(throws: LocalTrainingError.self) {
      _ = try LocalTraining(fixture.task(), plan: fixture.plan(resumes: true))
    }
    _ = try LocalTraining(fixture.task(), plan: fixture.plan(commits: false, resumes: true))
  }

  @Test("a learning rate that is too large is said, whether numbers overflow or only grow")
  func divergence() throws {
    let fixture = try TrainingFixture()
    let local = try fixture.task(architecture: ModelArchitecture(units: [4, 64, 64, 64, 3]))
    let settings = try TrainingSettings(learningRate: 90, batchSize: 1, epochs: 3)
    let wild = try LocalTask(
      ModelConfiguration(architecture: local.task.architecture), settings: settings,
      data: local.data, seed: 3, segmentSteps: 5, threads: 1)
    #expect { try fixture.train(wild, fixture.plan(commits: false)) } throws: { error in
      switch error {
      case LocalTrainingError.diverged, LocalTrainingError.lossGrew: true
      default: false
      }
    }
  }
}

@Suite("Commitments to a training")
struct CommitmentDirectoryTests {
  private func committed() throws -> (TrainingFixture, CommitmentDirectory, LocalTask) {
    let fixture = try TrainingFixture()
    let local = try fixture.task(optimizer: Optimizer(.adam(.init())))
    _ = try fixture.train(local, fixture.plan())
    return (fixture, CommitmentDirectory(path: fixture.file("commitment")), local)
  }

  private func check(
    _ directory: CommitmentDirectory, segments: [Int]? = nil
  ) throws -> CommitmentFinding {
    let check = try CommitmentCheck(directory: directory, dataPath: nil, threads: 1)
    return try check.run(segments: segments ?? Array(0..<check.segments), progress: { _ in })
  }

  @Test("honest work has no mismatch, whole or in parts, with states and without")
  func honest() throws {
    let (fixture, directory, _) = try committed()
    #expect(try check(directory) == CommitmentFinding(checked: 6))
    #expect(try check(directory, segments: [2, 5]) == CommitmentFinding(checked: 2))
    for segment in 1..<6 { AtomicFile.remove(fixture.file("commitment/state-\(segment).cbor")) }
    #expect(try check(directory, segments: [3]) == CommitmentFinding(checked: 1))
  }

  @Test("one false root is one mismatch of that segment", arguments: 0..<6)
  func falseRoot(segment: Int) throws {
    let (fixture, directory, local) = try committed()
    let honest = try directory.read()
    try store(honest.record.with(root: .zero, at: segment), of: local, in: fixture)
    let finding = try check(directory)
    // The last root is also what the committed weights have to open.
    #expect(finding.mismatches == (segment == 5 ? 2 : 1) && finding.firstMismatch == segment)
  }

  @Test("false weights are a mismatch of the last segment")
  func falseWeights() throws {
    let (fixture, directory, local) = try committed()
    var other = local.base
    other.values[0] += 1
    try AtomicFile.write(local.saved(other).file, to: fixture.file("commitment/model.safetensors"))
    let finding = try check(directory, segments: [0])
    #expect(finding.mismatches == 1 && finding.firstMismatch == 5)
  }

  @Test("a dispute names the false root's last step and who is wrong", arguments: 0..<6)
  func dispute(segment: Int) throws {
    let (fixture, directory, local) = try committed()
    let record = try directory.read().record.with(root: .zero, at: segment)
    let other = CommitmentDirectory(path: fixture.file("other"))
    try other.begin(local)
    try other.finish(local, record: record, parameters: local.base)
    let finding = try CommitmentDispute(directory, other, dataPath: nil, threads: 1).settle()
    #expect(finding.wrong == [2])
    #expect(finding.step == local.task.steps(of: segment).upperBound - 1)
    let turned = try CommitmentDispute(other, directory, dataPath: nil, threads: 1).settle()
    #expect(turned.wrong == [1])
  }

  @Test("whichever operator of whichever step lies, a dispute names it", arguments: [0, 8, 13, 26])
  func lies(step: Int) throws {
    let (fixture, directory, honest) = try committed()
    let names = honest.makeRun(from: honest.start).operationNames(ofStep: step)
    var found = 0
    for operation in names.indices.dropLast() {
      var local = honest
      (local.lie, local.lieOperation) = (step, operation)
      let other = fixture.file("other-\(operation)")
      var plan = fixture.plan()
      plan.commitment = CommitmentDirectory(path: other, key: TrainingFixture.key)
      let record = try #require(try fixture.train(local, plan).record)
      // A bit that nothing reads, such as that of the mean loss, changes no root.
      guard try record.workRoot != directory.read().record.workRoot else { continue }
      found += 1
      let finding = try CommitmentDispute(
        CommitmentDirectory(path: other), directory, dataPath: nil, threads: 1
      ).settle()
      #expect(finding.wrong == [1] && finding.step == step, "\(names[operation])")
      #expect(finding.operation == names[operation])
    }
    // At least a gradient, the clipped or summed one below it, and the optimizer.
    #expect(found >= 3)
  }

  private func store(
    _ record: WorkRecord, of local: LocalTask, in fixture: TrainingFixture
  ) throws {
    let commitment = LocalCommitment(
      task: local.task, record: record, data: local.data.description,
      signedBy: TrainingFixture.key)
    try AtomicFile.write(
      commitment.encoded(), to: fixture.file("commitment/commitment.cbor"))
  }
}

extension WorkRecord {
  fileprivate func with(root: Digest, at segment: Int) -> WorkRecord {
    var roots = segmentRoots
    roots[segment] = root
    return WorkRecord(
      task: task, segmentRoots: roots, finalParameters: finalParameters,
      finalOptimizer: finalOptimizer)
  }
}
