import Coordinator
import Cryptography
import FederatedLearning
import Ledger
import Networking
import Orchestration
import Peering
import Primitives
import Testing

/// What a node may say that is not so, or say twice.
@Suite(.serialized) struct StrangerTests {
  /// The code that a call is refused with; "accepted" if it is not.
  static func code(
    _ connection: PeerConnection, _ method: String, _ body: Bytes
  ) async -> String {
    do {
      _ = try await connection.request(method: method, body: body)
      return "accepted"
    } catch PeerError.refused(let refusal) {
      return refusal.code
    } catch {
      return "\(error)"
    }
  }

  static func hello(_ role: NodeRole, label: String = "stranger") -> Bytes {
    Hello(role: role, label: label).encoded()
  }

  @Test("only genesis makes validators, and nobody becomes a second coordinator")
  func roles() async throws {
    try await FaultTests.run(workers: [.init()]) { network in
      try await network.withStranger(.generate()) { connection in
        #expect(await Self.code(connection, RPCMethod.account, []) == "hello_first")
        let claims = [
          NodeRole.validator: "not_validator", .coordinator: "not_coordinator",
        ]
        for (role, refusal) in claims.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
          #expect(await Self.code(connection, RPCMethod.hello, Self.hello(role)) == refusal)
        }
        #expect(await Self.code(connection, RPCMethod.hello, Self.hello(.worker)) == "accepted")
        #expect(await Self.code(connection, RPCMethod.block, []) == "unknown_method")
        #expect(await Self.code(connection, RPCMethod.evidence, []) == "unknown_method")
      }
    }
  }

  @Test("a hello is said once, and not at any length")
  func hellos() async throws {
    try await FaultTests.run(workers: [.init()]) { network in
      try await network.withStranger(.generate()) { connection in
        for label in [String(repeating: "x", count: 65), "two\nlines", "\u{1b}[2J"] {
          let body = Self.hello(.worker, label: label)
          #expect(await Self.code(connection, RPCMethod.hello, body) == "malformed")
        }
        #expect(await Self.code(connection, RPCMethod.hello, [0xff]) == "malformed")
        #expect(await Self.code(connection, RPCMethod.hello, Self.hello(.worker)) == "accepted")
        #expect(
          await Self.code(connection, RPCMethod.hello, Self.hello(.evaluator)) == "hello_twice")
      }
    }
  }

  @Test("an evaluator that comes later does not take the place of the one that is there")
  func evaluators() async throws {
    let wanted = try await FaultTests.undisturbedHash()
    try await FaultTests.run(workers: [.init()]) { network in
      try await network.withStranger(.generate()) { connection in
        #expect(
          await Self.code(connection, RPCMethod.hello, Self.hello(.evaluator)) == "accepted")
        let view = try await network.end(of: network.begin())
        #expect(view["model_hash"]?.text == wanted)
      }
    }
  }

  @Test("a key that connects twice is one node, and its first connection's end changes nothing")
  func twice() async throws {
    let key = SigningKey.generate()
    try await FaultTests.run(workers: [.init()]) { network in
      try await network.withStranger(key) { first in
        #expect(await Self.code(first, RPCMethod.hello, Self.hello(.worker)) == "accepted")
        try await network.withStranger(key) { second in
          #expect(await Self.code(second, RPCMethod.hello, Self.hello(.worker)) == "accepted")
          await first.close()
          #expect(await Self.code(second, RPCMethod.account, []) == "accepted")
          let nodes = await network.coordinator.nodeViews.elements ?? []
          let same = nodes.filter { $0["peer_id"]?.text == "\(key.publicKey.peerID)" }
          #expect(same.count == 1)
          #expect(same.first?["state"]?.text == "connected")
        }
      }
    }
  }

  @Test("a transaction is taken once, in its turn, from its own sender")
  func transactions() async throws {
    try await FaultTests.run(workers: [.init()]) { network in
      let genesis = network.local.genesis
      let worker = try network.local.key(of: "worker-0")
      await network.stop("worker-0")
      func transfer(nonce: UInt64, chain: Digest? = nil) throws -> Bytes {
        let body = TransactionBody.transfer(
          to: network.local.coordinatorIdentity.publicKey, amount: .tokens(1))
        return Transaction(
          signing: body, chainID: chain ?? genesis.chainID, nonce: nonce,
          fee: try genesis.parameters.fee(for: body), key: worker
        ).encoded()
      }
      let first = try transfer(nonce: 0)
      let foreign = try transfer(nonce: 0, chain: .zero)
      let ahead = try transfer(nonce: 5)
      let farthest = try transfer(nonce: .max)
      try await network.withStranger(.generate()) { connection in
        _ = await Self.code(connection, RPCMethod.hello, Self.hello(.worker))
        #expect(await Self.code(connection, RPCMethod.submitTransaction, first) == "other_sender")
      }
      try await network.withStranger(worker) { connection in
        let submit = RPCMethod.submitTransaction
        _ = await Self.code(connection, RPCMethod.hello, Self.hello(.worker))
        #expect(await Self.code(connection, submit, foreign) == "wrongChain")
        #expect(await Self.code(connection, submit, ahead) == "nonce_too_high")
        #expect(await Self.code(connection, submit, farthest) == "nonce_too_high")
        #expect(await Self.code(connection, submit, first) == "accepted")
        try await network.wait("the transfer is in a block") {
          let status = await network.coordinator.ledgerStatus
          return status["pending_transactions"]?.integer == 0
        }
        #expect(await Self.code(connection, submit, first) == "replayed")
      }
      await FaultTests.requireSoundLedger(network)
    }
  }

  @Test("what was acknowledged is in a block though the coordinator stopped before there was one")
  func acknowledgedTransactions() async throws {
    try await FaultTests.run(workers: [.init()]) { network in
      let genesis = network.local.genesis
      let worker = try network.local.key(of: "worker-0")
      await network.stop("worker-0")
      await network.stop("validator")
      let body = TransactionBody.transfer(
        to: network.local.coordinatorIdentity.publicKey, amount: .tokens(1))
      let transfer = Transaction(
        signing: body, chainID: genesis.chainID, nonce: 0,
        fee: try genesis.parameters.fee(for: body), key: worker
      ).encoded()
      try await network.withStranger(worker) { connection in
        _ = await Self.code(connection, RPCMethod.hello, Self.hello(.worker))
        #expect(await Self.code(connection, RPCMethod.submitTransaction, transfer) == "accepted")
      }
      try await network.restartCoordinator()
      network.startNode("validator")
      try await network.wait("the transfer is in a block") {
        let blocks = (try? await network.coordinator.blockViews(downFrom: nil, limit: 9)) ?? []
        return blocks.contains { $0["kinds"] == .array(["transfer"]) }
      }
    }
  }
}
