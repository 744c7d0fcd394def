import Cryptography
import FederatedLearning
import Primitives
import Testing

@Suite struct SessionMachineTests {
  static func honestModel(clients: Int = 4) -> Digest? {
    var network = SessionNetwork(machine: SessionFixture.machine(clients: clients), seed: 0)
    network.join(SessionFixture.worker(1))
    network.start()
    network.run()
    return network.result
  }

  @Test(
    "one, two, four and seven hosts give one model", arguments: [1, 2, 4, 7], [1, 2, 3] as [UInt64])
  func hostsDoNotMatter(hosts: Int, seed: UInt64) {
    var network = SessionNetwork(machine: SessionFixture.machine(), seed: seed)
    for host in 1...hosts { network.join(SessionFixture.worker(UInt8(host))) }
    network.start()
    network.run()
    #expect(network.result != nil)
    #expect(network.result == Self.honestModel())
  }

  @Test(
    "a liar's clients are given to others and the model stays the same",
    arguments: 1...20 as ClosedRange<UInt64>)
  func liar(seed: UInt64) {
    var network = SessionNetwork(machine: SessionFixture.machine(), seed: seed)
    let liar = SessionFixture.worker(2)
    network.liars = [liar]
    for host in 1...4 { network.join(SessionFixture.worker(UInt8(host))) }
    network.start()
    network.run()
    #expect(network.result == Self.honestModel())
    #expect(network.machine.banned == [liar])
    let rejected = network.machine.history.flatMap(\.rejected)
    #expect(rejected.count == 1)
    #expect(rejected.allSatisfy { $0.assignment.worker == liar })
    for round in network.machine.history {
      for case .accepted(let update) in round.clients { #expect(update.assignment.worker != liar) }
    }
  }

  @Test("a worker killed at any step does not change the model", arguments: 0..<24)
  func killedWorker(step: Int) {
    var network = SessionNetwork(machine: SessionFixture.machine(), seed: 9)
    for host in 1...3 { network.join(SessionFixture.worker(UInt8(host))) }
    network.start()
    network.run(steps: step)
    network.kill(SessionFixture.worker(2))
    network.run()
    #expect(network.result == Self.honestModel())
  }

  @Test("a coordinator that crashes at any event goes on to the same model", arguments: 0..<40)
  func crash(step: Int) {
    var network = SessionNetwork(machine: SessionFixture.machine(), seed: 5)
    for host in 1...3 { network.join(SessionFixture.worker(UInt8(host))) }
    network.start()
    network.run(steps: step)
    network.crash()
    network.run()
    #expect(network.result == Self.honestModel())
  }

  @Test("a round that nobody can finish pauses and names what it waits for")
  func pause() {
    var network = SessionNetwork(machine: SessionFixture.machine(clients: 2), seed: 1)
    let liar = SessionFixture.worker(1)
    network.liars = [liar]
    network.join(liar)
    network.start()
    network.run()
    #expect(network.machine.isPaused)
    #expect(
      network.machine.waitingFor == "a worker with stake for logical client 0, 1 of round 1")
    network.join(SessionFixture.worker(2))
    network.run()
    #expect(network.result == Self.honestModel(clients: 2))
  }

  @Test("recruiting waits for the least number of workers")
  func recruiting() {
    var network = SessionNetwork(
      machine: SessionFixture.machine(minParticipants: 2), seed: 1)
    network.start()
    network.join(SessionFixture.worker(1))
    #expect(network.machine.phase == .recruiting)
    #expect(network.machine.waitingFor == "1 more worker with stake")
    network.join(SessionFixture.worker(2))
    #expect(network.machine.phase == .training)
  }

  @Test("a late worker loses its client to another one, and its late answer counts for nothing")
  func lateWorker() throws {
    var machine = SessionFixture.machine(clients: 1, rounds: 1)
    let slow = SessionFixture.worker(1)
    let quick = SessionFixture.worker(2)
    _ = machine.handle(.workerJoined(slow, now: .zero))
    _ = machine.handle(.started(now: .zero))
    let first = Assignment(round: 1, client: 0, attempt: 0, worker: slow)
    #expect(machine.round?.clients == [.training(first, since: .zero)])
    _ = machine.handle(.workerJoined(quick, now: .zero))
    #expect(machine.handle(.tick(now: Tick.zero.advanced(by: .seconds(119)))).isEmpty)
    let late = Tick.zero.advanced(by: SessionLimits.hardDeadline)
    let second = Assignment(round: 1, client: 0, attempt: 1, worker: quick)
    #expect(
      machine.handle(.tick(now: late))
        == [.cancel(first), .assign(second, base: SessionFixture.initialModel)])
    let stale = SessionFixture.update(for: first, base: SessionFixture.initialModel)
    #expect(machine.handle(.updateReceived(stale, now: late)).isEmpty)
    let good = SessionFixture.update(for: second, base: SessionFixture.initialModel)
    #expect(machine.handle(.updateReceived(good, now: late)) == [.check(good)])
    #expect(machine.handle(.updateReceived(good, now: late)).isEmpty)
  }

  @Test("a worker that keeps failing gets no more work and keeps its stake")
  func failures() {
    var machine = SessionFixture.machine(clients: 1, rounds: 1)
    let worker = SessionFixture.worker(1)
    _ = machine.handle(.workerJoined(worker, now: .zero))
    _ = machine.handle(.started(now: .zero))
    for attempt in 0..<SessionLimits.failuresPerWorkerMax {
      let assignment = Assignment(round: 1, client: 0, attempt: attempt, worker: worker)
      _ = machine.handle(.workFailed(assignment, reason: "no memory", now: .zero))
    }
    #expect(machine.isPaused)
    #expect(machine.banned.isEmpty)
  }

  @Test("every event survives its canonical form")
  func canonicalEvents() throws {
    var network = SessionNetwork(machine: SessionFixture.machine(), seed: 3)
    network.liars = [SessionFixture.worker(1)]
    for host in 1...3 { network.join(SessionFixture.worker(UInt8(host))) }
    network.start()
    network.run()
    let assignment = Assignment(round: 1, client: 2, attempt: 0, worker: SessionFixture.worker(1))
    let events =
      network.log + [
        .cancelled, .tick(now: .zero), .restarted(now: .zero),
        .workerLeft(SessionFixture.worker(1), now: .zero),
        .workFailed(assignment, reason: "x", now: .zero),
      ]
    for event in events {
      let bytes = event.encoded()
      #expect(try SessionEvent(decoding: bytes) == event)
      #expect(throws: DecodingFailure.self) {
        try SessionEvent(decoding: Bytes(bytes.dropLast()))
      }
    }
  }
}
