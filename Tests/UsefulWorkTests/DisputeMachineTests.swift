import Cryptography
import Primitives
import Testing

@testable import UsefulWork

@Suite struct DisputeMachineTests {
  private let work = SyntheticWork(steps: 20, segmentSteps: 5, operators: 9)
  private var liar: SyntheticWork {
    var liar = work
    liar.lies = [.init(step: 13, operatorIndex: 4, change: 1)]
    return liar
  }

  /// Drives a dispute between the honest first and the lying second; `tamper` changes what the
  /// honest first party sends.
  private func outcome(
    inputs: (Bytes) -> Bytes = { $0 },
    tamper: (DisputeQuery, DisputeAnswer) -> DisputeAnswer?
  ) throws -> DisputeOutcome {
    var machine = DisputeMachine(terms: try work.terms(against: liar))
    var honest = DisputeResponder(party: work, segmentSteps: 5)
    var lying = DisputeResponder(party: liar, segmentSteps: 5)
    var now = Tick.zero
    var effects = machine.handle(.opened(now: now))
    while machine.outcome == nil {
      let effect = try #require(effects.first)
      switch effect {
      case .ask(let round, let query):
        effects = []
        let answer = try #require(try honest.answer(query))
        if let changed = tamper(query, answer) {
          effects += machine.handle(.answered(.first, round: round, changed, now: now))
        }
        let other = try #require(try lying.answer(query))
        effects += machine.handle(.answered(.second, round: round, other, now: now))
        if effects.isEmpty {
          now = try #require(machine.nextDeadline)
          effects = machine.handle(.tick(now: now))
        }
      case .recompute(let operation):
        effects = machine.handle(.recomputed(work.recompute(operation), now: now))
      case .decided: break
      }
    }
    return try #require(machine.outcome)
  }

  @Test("a party that stops answering loses by the deadline, in whatever round")
  func silent() throws {
    let rounds = try outcome { _, answer in answer }.rounds
    for last in 1...rounds {
      var round = 0
      let ended = try outcome { _, answer in
        round += 1
        return round >= last ? nil : answer
      }
      #expect(ended.faults.first == .silent, "round \(last)")
      #expect(ended.faults.second == nil)
      #expect(ended.rounds == last)
    }
  }

  @Test("who is silent together is wrong together")
  func bothSilent() throws {
    var machine = DisputeMachine(terms: try work.terms(against: liar))
    #expect(machine.nextDeadline == nil)
    _ = machine.handle(.opened(now: .zero))
    let deadline = try #require(machine.nextDeadline)
    #expect(machine.handle(.tick(now: Tick(nanoseconds: deadline.nanoseconds - 1))).isEmpty)
    _ = machine.handle(.tick(now: deadline))
    #expect(machine.outcome?.wrong == [.first, .second])
    #expect(machine.outcome?.faults == DisputeSides(first: .silent, second: .silent))
  }

  @Test("an answer at the deadline is too late")
  func late() throws {
    var machine = DisputeMachine(terms: try work.terms(against: liar))
    _ = machine.handle(.opened(now: .zero))
    let deadline = try #require(machine.nextDeadline)
    var lying = DisputeResponder(party: liar, segmentSteps: 5)
    let query = DisputeQuery.segmentRoot(segment: 3)
    let other = try #require(try lying.answer(query))
    #expect(machine.handle(.answered(.second, round: 1, other, now: .zero)).isEmpty)
    var honest = DisputeResponder(party: work, segmentSteps: 5)
    let answer = try #require(try honest.answer(query))
    _ = machine.handle(.answered(.first, round: 1, answer, now: deadline))
    #expect(machine.outcome?.faults == DisputeSides(first: .silent, second: nil))
  }

  @Test("answers of other rounds, second answers and late events change nothing")
  func ignored() throws {
    var machine = DisputeMachine(terms: try work.terms(against: liar))
    var honest = DisputeResponder(party: work, segmentSteps: 5)
    var lying = DisputeResponder(party: liar, segmentSteps: 5)
    let query = DisputeQuery.segmentRoot(segment: 3)
    #expect(machine.handle(.opened(now: .zero)) == [.ask(round: 1, query)])
    #expect(machine.handle(.opened(now: .zero)).isEmpty)
    let mine = try #require(try honest.answer(query))
    let other = try #require(try lying.answer(query))
    for round in [0, 2, 99] {
      #expect(machine.handle(.answered(.first, round: round, mine, now: .zero)).isEmpty)
    }
    #expect(machine.handle(.recomputed(.digest(.zero), now: .zero)).isEmpty)
    #expect(machine.handle(.answered(.first, round: 1, mine, now: .zero)).isEmpty)
    #expect(machine.handle(.answered(.first, round: 1, other, now: .zero)).isEmpty)
    let next = machine.handle(.answered(.second, round: 1, other, now: .zero))
    #expect(next == [.ask(round: 2, .segmentRoot(segment: 1))])
  }

  private func changed(_ digest: Digest) -> Digest { SHA256.hash(digest.bytes) }

  @Test("an answer that is not under what bound the party before costs it the dispute")
  func inconsistent() throws {
    func fault(_ tamper: (DisputeQuery, DisputeAnswer) -> DisputeAnswer) throws -> DisputeFault? {
      let ended = try outcome(tamper: tamper)
      #expect(ended.faults.second == nil || ended.faults.second == .recomputedOtherwise)
      return ended.faults.first
    }
    for kind in ["segment", "step", "operator"] {
      let found = try fault { query, answer in
        guard case .value(let digest, let proof) = answer else { return answer }
        let isMeant =
          switch query {
          case .segmentRoot: kind == "segment"
          case .stepRoot: kind == "step"
          case .operatorLink: kind == "operator"
          case .stepCommitment, .operatorCommitment, .opening: false
          }
        return isMeant ? .value(changed(digest), proof) : answer
      }
      #expect(found == .notCommitted, "\(kind)")
    }
    let otherPlace = try fault { query, answer in
      guard case .segmentRoot = query else { return answer }
      return .value(work.record.segmentRoots[0], work.record.proof(ofSegment: 0))
    }
    #expect(otherPlace == .notCommitted)
    let otherQuestion = try fault { query, answer in
      guard case .stepCommitment = query else { return answer }
      return .opening(digests: [], inputs: [])
    }
    #expect(otherQuestion == .otherQuestion)
  }

  @Test("a commitment that does not end in the claimed root costs the dispute")
  func otherEnd() throws {
    let steps = try outcome { query, answer in
      guard case .stepCommitment(let root, let last) = answer else { return answer }
      return .stepCommitment(root: changed(root), last: last)
    }
    #expect(steps.faults.first == .otherEnd)
    let operators = try outcome { query, answer in
      guard case .operatorCommitment(let root, let before, let last) = answer else {
        return answer
      }
      return .operatorCommitment(root: root, before: changed(before), last: last)
    }
    #expect(operators.faults.first == .otherEnd)
  }

  @Test("an opening must lead to the agreed link and hold the agreed inputs")
  func opening() throws {
    func fault(_ change: (inout [Digest], inout Bytes) -> Void) throws -> DisputeFault? {
      try outcome { _, answer in
        guard case .opening(var digests, var inputs) = answer else { return answer }
        change(&digests, &inputs)
        return .opening(digests: digests, inputs: inputs)
      }.faults.first
    }
    #expect(try fault { digests, _ in digests.removeAll() } == .otherPrefix)
    #expect(try fault { digests, _ in digests[0] = changed(digests[0]) } == .otherPrefix)
    #expect(try fault { digests, _ in digests.append(digests[0]) } == .otherPrefix)
    #expect(try fault { _, inputs in inputs[20] ^= 1 } == .inputsUnproven)
    #expect(try fault { _, inputs in inputs = [] } == .inputsUnproven)
    // The other party's inputs still convict the liar.
    let convicted = try outcome { _, answer in
      guard case .opening(let digests, _) = answer else { return answer }
      return .opening(digests: digests, inputs: [])
    }
    #expect(convicted.wrong == [.first, .second])
    #expect(convicted.recomputed != nil)
  }

  @Test("messages survive their canonical bytes, and no truncation of them does")
  func messages() throws {
    let proof = work.record.proof(ofSegment: 1)
    let queries: [DisputeQuery] = [
      .segmentRoot(segment: 3), .stepCommitment(segment: 0), .stepRoot(step: 70),
      .operatorCommitment(step: 5), .operatorLink(step: 1, operatorIndex: 2),
      .opening(step: 4, operatorIndex: 300),
    ]
    let answers: [DisputeAnswer] = [
      .value(changed(.zero), proof), .stepCommitment(root: .zero, last: proof),
      .operatorCommitment(root: .zero, before: changed(.zero), last: proof),
      .opening(digests: [.zero, changed(.zero)], inputs: [1, 2, 3]),
    ]
    for query in queries {
      let message = DisputeQuestion(dispute: changed(.zero), round: 7, query: query)
      try expectCanonical(message)
    }
    for answer in answers {
      try expectCanonical(DisputeReply(dispute: changed(.zero), round: 7, answer: answer))
    }
  }
}

/// The value survives its bytes, no truncation decodes, and no flipped bit gives the same value.
func expectCanonical<Message: CanonicalCodable & Equatable>(
  _ message: Message, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let bytes = message.encoded()
  #expect(try Message(decoding: bytes) == message, sourceLocation: sourceLocation)
  for length in 0..<bytes.count {
    #expect(throws: DecodingFailure.self, sourceLocation: sourceLocation) {
      try Message(decoding: Bytes(bytes.prefix(length)))
    }
  }
  for bit in 0..<bytes.count * 8 {
    var changed = bytes
    changed[bit / 8] ^= 1 << UInt8(bit % 8)
    guard let other = try? Message(decoding: changed) else { continue }
    #expect(other != message, "bit \(bit)", sourceLocation: sourceLocation)
  }
}
