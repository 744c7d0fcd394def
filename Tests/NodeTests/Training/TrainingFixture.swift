import Cryptography
import Glibc
import NeuralNetworks
import Persistence
import Primitives
import UsefulWork

@testable import Node

/// Small trainings in a directory that is deleted with everything in it.
final class TrainingFixture: Sendable {
  let path: String
  static let key = try! SigningKey(seed: Bytes(repeating: 7, count: SigningKey.seedByteCount))

  init() throws {
    var template = Array("/tmp/martlet-training-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw FileError.notFound(path: "/tmp") }
    path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  deinit { Self.removeTree(path) }

  private static func removeTree(_ path: String) {
    if let stream = opendir(path) {
      while let entry = readdir(stream) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) {
          String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        if name != ".", name != ".." { removeTree("\(path)/\(name)") }
      }
      closedir(stream)
    }
    remove(path)
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Separable rows of three classes, four features each; the same bytes each time.
  static func table(rows: Int = 90) -> String {
    var random = SplitMix64(seed: 5)
    return (0..<rows).map { row in
      let label = row % 3
      let features = (0..<4).map { column in
        "\(Int(random.next() % 4) + (column == label ? 5 : 0))"
      }
      return (features + ["\(label)"]).joined(separator: ",") + "\n"
    }.joined()
  }

  func write(_ text: String, to name: String) throws -> String {
    try AtomicFile.write(Bytes(text.utf8), to: file(name))
    return file(name)
  }

  /// A task of 3 epochs of 9 steps: 6 segments of 5 steps.
  func task(
    architecture: ModelArchitecture? = nil, optimizer: Optimizer = .sgd, seed: UInt64 = 3
  ) throws -> LocalTask {
    let architecture = try architecture ?? ModelArchitecture(units: [4, 6, 3])
    let data = try TrainingData(
      DataOrder(training: try write(Self.table(), to: "data.csv"), testFraction: 0.2),
      for: architecture)
    return try LocalTask(
      ModelConfiguration(architecture: architecture, optimizer: optimizer),
      settings: TrainingSettings(
        learningRate: 0.05, batchSize: 8, epochs: 3, optimizer: optimizer),
      data: data, seed: seed, segmentSteps: 5, threads: 1)
  }

  func plan(commits: Bool = true, resumes: Bool = false, seconds: Int = 1_000)
    -> LocalTrainingPlan
  {
    LocalTrainingPlan(
      checkpointDirectory: file("checkpoint"), resumes: resumes, checkpointSeconds: seconds,
      commitment: commits
        ? CommitmentDirectory(path: file("commitment"), key: Self.key) : nil)
  }

  func train(_ local: LocalTask, _ plan: LocalTrainingPlan) throws -> LocalTrainingResult {
    try LocalTraining(local, plan: plan).train(isStopped: { false }, news: { _ in })
  }
}
