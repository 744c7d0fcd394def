import Cryptography
import NeuralNetworks
import Orchestration
import Primitives
import Testing
import UsefulWork

@Suite struct DisputeCallTests {
  /// Every message of a dispute, once.
  private static func messages() throws -> [(
    name: String, bytes: Bytes, read: (Bytes) throws -> Bytes
  )] {
    let world = try DisputeWorld()
    let (ruling, transcript) = try world.hold()
    let stand = DisputeStand(signing: world.honest.record, of: world.work, key: world.validator)
    let exchange = try #require(transcript.exchanges.first)
    let reply = try #require(exchange.replies.first)
    let call = DisputeCall(work: world.work, question: exchange.question)
    return [
      ("work", world.work.encoded(), { try DisputedWork(decoding: $0).encoded() }),
      ("stand", stand.encoded(), { try DisputeStand(decoding: $0).encoded() }),
      ("call", call.encoded(), { try DisputeCall(decoding: $0).encoded() }),
      ("reply", reply.encoded(), { try SignedDisputeReply(decoding: $0).encoded() }),
      ("exchange", exchange.encoded(), { try DisputeExchange(decoding: $0).encoded() }),
      ("ruling", ruling.encoded(), { try DisputeRuling(decoding: $0).encoded() }),
    ]
  }

  @Test("every message survives its bytes, no truncation is read, and a changed bit is another")
  func hostile() throws {
    for (name, bytes, read) in try Self.messages() {
      #expect(try read(bytes) == bytes, "\(name)")
      for length in 0..<bytes.count {
        #expect(throws: DecodingFailure.self, "\(name) cut to \(length)") {
          _ = try read(Bytes(bytes.prefix(length)))
        }
      }
      for bit in 0..<bytes.count * 8 {
        var changed = bytes
        changed[bit / 8] ^= 1 << UInt8(bit % 8)
        guard let other = try? read(changed) else { continue }
        #expect(other == changed, "\(name), bit \(bit)")
      }
    }
  }

  @Test("a stand and a reply hold for their author, work and question alone")
  func signatures() throws {
    let world = try DisputeWorld()
    let stand = DisputeStand(signing: world.honest.record, of: world.work, key: world.validator)
    #expect(stand.isSigned(by: world.validator.publicKey, for: world.work))
    #expect(!stand.isSigned(by: world.worker.publicKey, for: world.work))
    let other = DisputedWork(
      job: .zero, assignment: world.work.assignment, specification: world.work.specification,
      base: world.work.base)
    #expect(!stand.isSigned(by: world.validator.publicKey, for: other))
    let (_, transcript) = try world.hold()
    let (first, second) = (transcript.exchanges[0], transcript.exchanges[1])
    let reply = try #require(first.replies.first)
    #expect(reply.answer(to: first.question, of: world.worker.publicKey) != nil)
    #expect(reply.answer(to: first.question, of: world.validator.publicKey) == nil)
    #expect(reply.answer(to: second.question, of: world.worker.publicKey) == nil)
    let renamed = DisputeQuestion(dispute: .zero, round: 1, query: first.question.query)
    #expect(reply.answer(to: renamed, of: world.worker.publicKey) == nil)
  }

  @Test("who has a transcript and the data judges the dispute again, to the same ruling")
  func judgedAgain() throws {
    let lies: [(Lie, String)] = [
      (.oneStepAltered(step: 9), "optimizer/sgd"), (.otherData, "loss/softmax_cross_entropy"),
      (.randomUpdate(seed: 3), "state/root"),
    ]
    for (lie, operation) in lies {
      let world = try DisputeWorld(lie)
      let (ruling, transcript) = try world.hold()
      #expect(ruling.wrong == [.first])
      #expect(ruling.operation == operation)
      let read = try DisputeTranscript(
        decoding: transcript.encoded(), limits: DisputeTranscript.limits)
      #expect(read == transcript)
      let again = try read.ruling(
        on: world.opening, worker: world.worker.publicKey, dataset: world.dataset)
      #expect(again == ruling)
    }
  }

  @Test("a transcript of which a part is missing or unsigned convicts nobody by computation")
  func tampered() throws {
    let world = try DisputeWorld()
    let (_, transcript) = try world.hold()
    for place in transcript.exchanges.indices {
      var other = DisputeTranscript(
        work: world.work, validator: world.validator.publicKey, stand: transcript.stand)
      for (index, exchange) in transcript.exchanges.enumerated() {
        var replies = exchange.replies
        if index == place {
          // The right answer with a stranger's signature.
          let answer = try #require(replies.first?.reply.answer)
          replies.first = SignedDisputeReply(
            signing: answer, to: exchange.question, key: world.validator)
        }
        other.append(DisputeExchange(question: exchange.question, replies: replies))
      }
      let ruling = try other.ruling(
        on: world.opening, worker: world.worker.publicKey, dataset: world.dataset)
      #expect(ruling.grounds.first == .silent)
      #expect(ruling.grounds.second == nil)
      #expect(ruling.recomputed == nil)
      #expect(ruling.rounds == place + 1)
    }
    let nothing = DisputeTranscript(
      work: world.work, validator: world.validator.publicKey, stand: transcript.stand)
    let ruling = try nothing.ruling(
      on: world.opening, worker: world.worker.publicKey, dataset: world.dataset)
    #expect(ruling.wrong == [.first, .second])
    #expect(ruling.rounds == 1)
  }

  @Test("no operator of a step reads more than what the referee allows for")
  func sizes() throws {
    let world = try DisputeWorld()
    let party = TrainingParty(record: world.honest.record, task: world.task, dataset: world.dataset)
    {
      try world.honest.evidence.startState(of: $0, dataset: world.dataset)
    }
    let count = try party.operatorDigests(of: 5).count
    for index in 0..<count {
      #expect(try party.inputs(of: index, in: 5).count <= world.opening.openingBytesMax)
    }
  }

  @Test("records that decide by themselves are ruled on without a question")
  func records() throws {
    let world = try DisputeWorld(.otherUpdate)
    #expect(world.opening.rulingOnRecord?.grounds.first == .recordUnopened)
    #expect(world.opening.rulingOnRecord?.operation == DisputeRuling.recordName)
    let honest = DisputeOpening(
      task: world.task, record: world.honest.record, update: world.honest.update.digest)
    #expect(honest.rulingOnRecord == nil)
    #expect(honest.next(against: world.honest.record).ruling?.grounds.second == .ownTrainingAgrees)
    let short = WorkRecord(
      task: world.task.digest, segmentRoots: [], finalParameters: .zero, finalOptimizer: .zero)
    #expect(honest.next(against: short).ruling?.grounds.second == .otherRecord)
    let unread = DisputeOpening(task: world.task, record: short, update: .zero)
    #expect(unread.rulingOnRecord?.grounds.first == .otherRecord)
  }
}
