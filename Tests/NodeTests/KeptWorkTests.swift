import ContentStore
import Cryptography
import FederatedLearning
import Ledger
import NeuralNetworks
import Orchestration
import Primitives
import Testing
import UsefulWork

@testable import Node

@Suite("What a worker keeps of its work")
struct KeptWorkTests {
  private static let session = SHA256.hash([9])

  private static func order(_ round: Int, job: UInt8 = 1, client: Int = 0) throws -> WorkOrder {
    let key = try SigningKey(seed: Bytes(repeating: 7, count: 32))
    let reference = ContentReference(cid: try FileBlocks(of: [job]).cid, digest: session)
    return WorkOrder(
      session: session, job: SHA256.hash([job]), specification: reference,
      assignment: Assignment(
        round: round, client: client, attempt: 0, worker: key.publicKey.peerID),
      base: reference)
  }

  private static func work(_ round: Int, job: UInt8 = 1, client: Int = 0) throws -> KeptWork {
    let architecture = try ModelArchitecture(units: [2, 2])
    let base = ParameterBuffer(randomFor: architecture, seed: 1)
    let dataset = try Dataset(features: [1, 2, 3, 4], labels: [0, 1], inputs: 2, classes: 2)
    let task = try TrainingTask(
      architecture: architecture,
      settings: TrainingSettings(learningRate: 0.1, batchSize: 1, epochs: 1), session: session,
      seed: 1, round: round, client: client, base: base.digest, dataset: dataset.digest,
      examples: dataset.rows)
    let order = try order(round, job: job, client: client)
    return KeptWork(
      order,
      finished: FinishedWork(
        job: order.job, assignment: order.assignment, task: task,
        result: try task.execute(dataset: dataset, base: base), dataset: dataset))
  }

  @Test("orders are kept for all rounds of a session, results for the last two")
  func rounds() throws {
    var kept = KeptWorks()
    for round in 1...50 {
      for client in 0..<3 { kept.keep(try Self.work(round, client: client)) }
    }
    #expect(kept.counts == (150, 6))
    for round in 1...50 {
      let found = try #require(kept[try Self.work(round).name])
      #expect((found.finished != nil) == (round >= 49))
    }
  }

  @Test("a session that settles takes its work and its named states with it, and no others'")
  func settled() throws {
    var kept = KeptWorks()
    let works = [try Self.work(1), try Self.work(1, job: 2), try Self.work(2)]
    var names: [CID] = []
    for (index, work) in works.enumerated() {
      kept.keep(work)
      let cid = try FileBlocks(of: [UInt8(index)]).cid
      kept.name(cid, KeptWorks.NamedState(work: work.name, segment: index, fileSize: 1))
      names.append(cid)
    }
    kept.settle(SHA256.hash([1]))
    #expect(kept.counts == (1, 1))
    #expect(kept[works[0].name] == nil)
    #expect(kept[works[1].name] != nil)
    #expect(names.map { kept.state(named: $0)?.segment } == [nil, 1, nil])
    kept.settle(SHA256.hash([1]))
    #expect(kept.counts == (1, 1))
  }

  @Test("the same work kept again takes the place of what was kept")
  func again() throws {
    var kept = KeptWorks()
    let work = try Self.work(3)
    for _ in 0..<5 { kept.keep(work) }
    #expect(kept.counts == (1, 1))
  }

  @Test("only states of work that is kept have names, and the oldest name goes first")
  func names() throws {
    var kept = KeptWorks()
    let work = try Self.work(1)
    let state = KeptWorks.NamedState(work: work.name, segment: 1, fileSize: 1)
    let first = try FileBlocks(of: [255, 255, 255]).cid
    kept.name(first, state)
    #expect(kept.state(named: first) == nil)
    kept.keep(work)
    kept.name(first, state)
    #expect(kept.state(named: first) != nil)
    for index in 0..<KeptWorks.Limits.namedStatesMax {
      kept.name(
        try FileBlocks(of: [UInt8(index & 255), UInt8(index >> 8)]).cid, state)
    }
    #expect(kept.state(named: first) == nil)
    #expect(kept.state(named: try FileBlocks(of: [0, 0]).cid) != nil)
  }
}
