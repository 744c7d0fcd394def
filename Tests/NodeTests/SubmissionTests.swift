import Cryptography
import FederatedLearning
import Ledger
import Networking
import NeuralNetworks
import Orchestration
import Peering
import Primitives
import Telemetry
import Testing
import UsefulWork

/// What a worker may hand in, and what happens to the rest.
@Suite(.serialized) struct SubmissionTests {
  /// A worker of the test's own making that has an order in hand.
  private struct Hand: Sendable {
    let connection: PeerConnection
    let order: WorkOrder
    let key: SigningKey
    let genesis: Genesis

    /// A submission that is well signed for these parameters, whatever they are.
    func message(for parameters: ParameterBuffer) throws -> Bytes {
      let record = WorkRecord(
        task: .zero, segmentRoots: [.zero], finalParameters: parameters.digest,
        finalOptimizer: .zero)
      let body = TransactionBody.commitWork(
        WorkCommitment(
          slot: SessionLedger(job: JobID(digest: order.job)).slot(of: order.assignment),
          attempt: UInt32(order.assignment.attempt), baseModel: order.base.digest,
          update: parameters.digest, workRoot: record.workRoot, segmentCount: 1))
      let commitment = Transaction(
        signing: body, chainID: genesis.chainID, nonce: 0,
        fee: try genesis.parameters.fee(for: body), key: key)
      return WorkSubmission(
        session: order.session, assignment: order.assignment, record: record.encoded(),
        commitment: commitment.encoded()
      ).encoded()
    }

    /// The code of the refusal of a submission with this body; "accepted" if there is none.
    func code(_ message: Bytes, body: Bytes) async -> String {
      do {
        _ = try await connection.upload(method: RPCMethod.submitWork, body: message) {
          (writer) async throws(PeerError) in try await writer.send(all: body)
        }
        return "accepted"
      } catch .refused(let refusal) {
        return refusal.code
      } catch {
        return "\(error)"
      }
    }
  }

  private static func withOrder(
    _ body: @escaping @Sendable (Hand, ParameterBuffer) async throws -> Void
  ) async throws {
    try await FaultTests.run(workers: [.init()]) { network in
      await network.stop("worker-0")
      let key = try network.local.key(of: "worker-0")
      let orders = Lock<[WorkOrder]>([])
      try await network.withStranger(
        key,
        answering: { call in
          if let order = try? WorkOrder(decoding: call.request.body) {
            orders.withLock { $0.append(order) }
          }
          return .success([])
        }
      ) { connection in
        let hello = StrangerTests.hello(.worker)
        _ = try await connection.request(method: RPCMethod.hello, body: hello)
        _ = try await network.begin(rounds: 1, clients: 1)
        try await network.wait("the order comes") { orders.withLock { !$0.isEmpty } }
        let order = orders.withLock { $0[0] }
        let base = try await connection.requestStream(
          method: RPCMethod.model, body: order.base.digest.encoded()
        ).collect(max: 1 << 20)
        let bytes = try #require(base)
        let parameters = try ParameterBuffer(
          decoding: bytes, count: bytes.count / 4, what: "parameters")
        try await body(
          Hand(
            connection: connection, order: order, key: key, genesis: network.local.genesis),
          parameters)
      }
    }
  }

  @Test("an update has the size of the session's model, whatever the worker sends")
  func sizes() async throws {
    try await Self.withOrder { hand, parameters in
      let message = try hand.message(for: parameters)
      let bytes = parameters.bytes
      #expect(await hand.code(message, body: []) == "wrong_size")
      #expect(await hand.code(message, body: Bytes(bytes.dropLast())) == "wrong_size")
      #expect(await hand.code(message, body: bytes + [0]) == "wrong_size")
      #expect(await hand.code(message, body: Bytes(repeating: 0, count: 20 << 20)) == "wrong_size")
      // A message without a body, as small models were once handed in.
      #expect(
        await StrangerTests.code(hand.connection, RPCMethod.submitWork, message) == "wrong_size")
      #expect(await hand.code(message, body: bytes) == "accepted")
      #expect(await hand.code(message, body: bytes) == "not_assigned")
    }
  }

  @Test("an update that is not the signed one, or not finite, is refused and can be sent again")
  func contents() async throws {
    try await Self.withOrder { hand, parameters in
      let message = try hand.message(for: parameters)
      for bit in [0, 7, 8 * parameters.bytes.count - 2] {
        var bytes = parameters.bytes
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        let code = await hand.code(message, body: bytes)
        #expect(["wrong_commitment", "malformed"].contains(code), "\(code)")
      }
      var infinite = parameters
      infinite.values[0] = .infinity
      let signed = try hand.message(for: infinite)
      #expect(await hand.code(signed, body: infinite.bytes) == "malformed")
      #expect(await hand.code([0xff], body: parameters.bytes) == "malformed")
      #expect(await hand.code(message, body: parameters.bytes) == "accepted")
    }
  }

  @Test("the same work is handed in once at a time")
  func twice() async throws {
    try await Self.withOrder { hand, parameters in
      let message = try hand.message(for: parameters)
      let bytes = parameters.bytes
      let answer = try await hand.connection.upload(
        method: RPCMethod.submitWork, body: message
      ) { (writer) async throws(PeerError) in
        try await writer.send(Bytes(bytes.prefix(10)))
        // This call is answered after the coordinator has seen the beginning of the upload.
        let account = try? await hand.connection.request(method: RPCMethod.account)
        #expect(account != nil)
        #expect(await hand.code(message, body: bytes) == "busy")
        try await writer.send(Bytes(bytes.dropFirst(10)))
      }
      #expect(answer.isEmpty)
    }
  }
}
