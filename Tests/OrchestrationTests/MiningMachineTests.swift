import Cryptography
import FederatedLearning
import Ledger
import NeuralNetworks
import Orchestration
import Primitives
import Testing
import UsefulWork

@Suite struct MiningMachineTests {
  @Test("wins of accepted work become coinbases, each once")
  func wins() throws {
    var world = try MiningWorld()
    #expect(try world.round().isEmpty)
    let effects = try world.round()
    let minted = effects.compactMap { effect -> Coinbase? in
      if case .mint(let coinbase) = effect { coinbase } else { nil }
    }
    #expect(minted.count == 3)
    #expect(minted.map(\.segment) == [0, 1, 2])
    for coinbase in minted {
      #expect(try coinbase.work == world.work(round: 1))
      #expect(coinbase.hash == world.claims[1][Int(coinbase.segment)].hash)
    }
    // The same claims again, from a worker that hopes.
    let again = world.machine.handle(
      .submitted(try world.submission(round: 1, messages: [], claims: world.claims[1])))
    let refusals = try again.flatMap { try world.follow($0) }
    #expect(refusals.count == 3)
    for case .refuse(_, let error) in refusals {
      guard case .alreadyAccepted = error else {
        Issue.record("\(error)")
        continue
      }
    }
  }

  @Test("a claim waits for the verdict, and falls with a rejection")
  func rejected() throws {
    var world = try MiningWorld()
    try world.round()
    #expect(try world.round(outcome: .rejected(.segmentDiffers)).isEmpty)
  }

  @Test("messages that arrive after the first verdict of their round bind nothing")
  func late() throws {
    var world = try MiningWorld()
    try world.round(isLate: true)
    let effects = try world.round()
    #expect(effects.count == 3)
    for effect in effects {
      guard case .refuse(_, .committedTooLate) = effect else {
        Issue.record("\(effect)")
        continue
      }
    }
  }

  @Test("a replay that fails or differs is a refusal, and the next claim is taken all the same")
  func isolated() throws {
    var world = try MiningWorld()
    try world.round()
    var failed = 0
    let effects = try world.round { one in
      failed += 1
      switch failed {
      case 1: return .failure(.otherDataset)
      case 2: return .success(SegmentRoots(start: .zero, end: .zero, delta: .zero))
      default: return .success(one.claim.message.roots)
      }
    }
    guard effects.count == 3, case .refuse(_, .replay(.otherDataset)) = effects[0],
      case .refuse(_, .startDiffers) = effects[1], case .mint(let coinbase) = effects[2]
    else {
      Issue.record("\(effects)")
      return
    }
    #expect(coinbase.segment == 2)
  }

  @Test("strangers' messages, unknown jobs and closed jobs are refused")
  func strangers() throws {
    var world = try MiningWorld()
    try world.round()
    let messages = world.messages[0]
    var foreign = try world.submission(round: 0, messages: messages, claims: [])
    foreign.assignment = Assignment(
      round: 1, client: 0, attempt: 0,
      worker: try SigningKey(seed: Bytes(repeating: 77, count: 32)).publicKey.peerID)
    #expect(
      world.machine.handle(.submitted(foreign)) == [.refuse(foreign.work?.worker, .otherMiner)])
    var unknown = try world.submission(round: 0, messages: [], claims: [])
    unknown.job = .zero
    #expect(
      world.machine.handle(.submitted(unknown)) == [.refuse(unknown.work?.worker, .otherMiner)])
    try world.close()
    let closed = try world.submission(round: 0, messages: [], claims: [])
    #expect(
      world.machine.handle(.submitted(closed)) == [.refuse(closed.work?.worker, .otherMiner)])
  }

  @Test("a chain without mining has no machine")
  func absent() throws {
    let genesis = try MiningWorld.genesis(mining: nil)
    #expect(MiningMachine(genesis: genesis) == nil)
    #expect(MiningHead(of: try LedgerState(genesis: genesis)) == nil)
  }

  @Test("submissions and heads survive their canonical bytes")
  func canonical() throws {
    var world = try MiningWorld()
    try world.round()
    try world.round()
    let submission = try world.submission(
      round: 1, messages: world.messages[1], claims: world.claims[1])
    #expect(try MiningSubmission(decoding: submission.encoded()) == submission)
    let head = try #require(MiningHead(of: world.state))
    #expect(try MiningHead(decoding: head.encoded()) == head)
    let bytes = submission.encoded()
    for length in stride(from: 0, to: bytes.count, by: 7) {
      #expect(throws: DecodingFailure.self) {
        try MiningSubmission(decoding: Bytes(bytes.prefix(length)))
      }
    }
  }
}
