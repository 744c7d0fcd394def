import Coordinator
import Ledger
import NeuralNetworks
import Node
import Primitives
import Telemetry
import Testing
import UsefulWork

/// Sessions on a chain on which tokens are mined.
@Suite(.serialized) struct MiningTests {
  private struct Fault: Error {}

  /// The toy session has 4 clients with 4 segments a round, so one worker's messages of a round
  /// bind those of the next.
  private func network() throws -> LocalNetwork {
    try LocalNetwork(
      workers: [.init()],
      mining: MiningTerms(
        parameters: MiningParameters(batchWeight: 0, modelWeight: 0, lookahead: 16),
        difficulty: DifficultyRule(
          initial: .easiest, spacingMilliseconds: 1, window: 1_000, factorMax: 4),
        coinbase: .standard))
  }

  private func integer(_ status: JSONValue, _ name: String) -> Int64 {
    status[name]?.integer ?? -1
  }

  @Test("segments that won mint coinbases, and the supply is what genesis and mining made")
  func mined() async throws {
    let network = try network()
    defer { network.remove() }
    let view = try await SessionTests.session(network, rounds: 6)
    #expect(view["state"]?.text == "completed", "\(view.text())")
    let status = await network.coordinator.ledgerStatus
    let reports = network.reports.withLock { $0 }
    #expect(integer(status, "blocks_mined") > 0, "\(status.text()) \(reports)")
    #expect(status["supply"] == status["supply_counted"])
    #expect(status["minted"] != "0")
  }

  @Test("an error in mining is logged and costs nothing else")
  func miningFault() async throws {
    var network = try network()
    network.segmentRoots = { _, _, _ in throw Fault() }
    defer { network.remove() }
    let view = try await SessionTests.session(network)
    #expect(view["state"]?.text == "completed", "\(view.text())")
    let status = await network.coordinator.ledgerStatus
    #expect(integer(status, "blocks_mined") == 0)
    let reports = network.reports.withLock { $0 }
    #expect(reports.contains { $0.hasPrefix("mining failed, the work goes on") }, "\(reports)")
  }

  @Test("an error in training is logged, and the node trains what comes next")
  func trainingFault() async throws {
    var network = try network()
    let calls = Lock(0)
    network.train = { task, dataset, base in
      let call = calls.withLock { count in
        count += 1
        return count
      }
      if call == 2 { throw Fault() }
      return try task.execute(dataset: dataset, base: base)
    }
    defer { network.remove() }
    let view = try await SessionTests.session(network)
    #expect(view["state"]?.text == "completed", "\(view.text())")
    let reports = network.reports.withLock { $0 }
    #expect(reports.contains { $0.contains("failed: Fault()") }, "\(reports)")
    #expect(calls.withLock { $0 } > 12)
  }

  @Test("a miner that lies about its segments wins nothing, and its honest update is paid")
  func lyingMiner() async throws {
    var network = try network()
    network.segmentRoots = { task, result, dataset in
      try task.segmentRoots(of: result, dataset: dataset).map {
        SegmentRoots(start: $0.start, end: $0.start, delta: $0.delta)
      }
    }
    defer { network.remove() }
    let view = try await SessionTests.session(network, rounds: 4)
    #expect(view["state"]?.text == "completed", "\(view.text())")
    #expect(integer(await network.coordinator.ledgerStatus, "blocks_mined") == 0)
  }
}
