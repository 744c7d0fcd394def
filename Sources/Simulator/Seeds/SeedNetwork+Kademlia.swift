import Peering
import Primitives

/// How the shell of a seed run treats requests.
enum SeedCallLimits {
  /// A request that reached a machine is answered within this; the machine answers at once.
  static let answerMilliseconds = 1_000
  /// Milliseconds after the start of an operation within which it ends: the operation's own limit,
  /// twice, for clocks that run slow and requests that began late.
  static let operationMilliseconds = 120_000
  /// Events of one node in one millisecond; more are a loop.
  static let spinMax = 5_000
}

extension SeedNetwork {
  /// The time as a Kademlia machine sees it.
  private func kademliaTime(of node: UInt32) -> Tick {
    let stopped = 60_000
    let time = scenario.bug == .stopsClock ? min(queue.now, stopped) : queue.now
    return clocks.tick(of: Int(node), at: time)
  }

  mutating func tell(_ node: UInt32, _ event: KademliaEvent) {
    var effects: [KademliaEffect] = []
    swap(&effects, &kademliaEffects)
    nodes[Int(node)].kademlia.handle(
      event, now: kademliaTime(of: node), random: &randoms[Int(node)], directory: book,
      effects: &effects)
    for effect in effects { carryOut(effect, of: node) }
    effects.removeAll(keepingCapacity: true)
    swap(&effects, &kademliaEffects)
  }

  private mutating func carryOut(_ effect: KademliaEffect, of node: UInt32) {
    switch effect {
    case .send(let request, let peer, let call):
      ask(request, SeedCall(peer: peer.index, call: call), from: node)
    case .reply(let response, let peer, let call):
      reply(response, to: SeedCall(peer: peer.index, call: call), from: node)
    case .refuse(_, let peer, let call):
      guard settle(SeedCall(peer: peer.index, call: call), at: node) else { return }
      send(.refusal(call: call), from: node, to: peer.index)
    case .wake(let tick): wakeKademlia(node, at: tick)
    case .finished(let result, let id): finish(id, result, at: node)
    case .inserted(let peer): checkTable(of: node, with: peer)
    case .abandon(let call):
      nodes[Int(node)].asked.removeAll { $0.call == call }
      nodes[Int(node)].waiting.removeAll { $0.to.call == call }
    case .found(let providers, let id): checkProviders(providers, id, at: node)
    case .removed, .anchors: break
    }
  }

  private mutating func wakeKademlia(_ node: UInt32, at tick: Tick) {
    let time = max(queue.now, clocks.milliseconds(of: Int(node), at: tick))
    guard time < nodes[Int(node)].kademliaWake else { return }
    nodes[Int(node)].kademliaWake = time
    if errs(.forgetsKademliaAlarm, every: 40) { return }
    queue.schedule(
      .kademliaWake(node, incarnation: nodes[Int(node)].incarnation, time: time), at: time)
  }

  // MARK: Requests of ours

  mutating func ask(_ request: KademliaRequest, _ to: SeedCall, from node: UInt32) {
    guard nodes[Int(node)].isConnected(to: to.peer) else {
      nodes[Int(node)].waiting.append((request, to))
      return dial(to.peer, from: node)
    }
    send(.ask(request, call: to.call), from: node, to: to.peer)
    if request.hasAnswer {
      nodes[Int(node)].asked.append(to)
    } else {
      queue.schedule(
        .written(node: node, incarnation: nodes[Int(node)].incarnation, call: to), after: 1)
    }
  }

  mutating func finishCall(_ call: SeedCall, of node: UInt32, with response: KademliaResponse) {
    nodes[Int(node)].asked.removeAll { $0 == call }
    var number = call.call
    if errs(.swapsCalls, every: 5), let other = nodes[Int(node)].asked.first { number = other.call }
    tell(node, .response(response, call: number, admission: .puzzle))
  }

  mutating func failCall(_ call: SeedCall, of node: UInt32) {
    guard nodes[Int(node)].asked.contains(call) else { return }
    nodes[Int(node)].asked.removeAll { $0 == call }
    tell(node, .failed(call: call.call))
  }

  // MARK: Requests of others

  mutating func serve(
    _ request: KademliaRequest, _ number: UInt32, from sender: UInt32, at node: UInt32
  ) {
    outcome.load[Int(node)] += 1
    let call = SeedCall(peer: sender, call: number)
    // A copy of a request is a request of its own, on a stream of its own.
    if request.hasAnswer { nodes[Int(node)].asking.append((call, queue.now)) }
    var speaker = PeerHandle(sender)
    if case .addProvider(_, let provider) = request, errs(.believesProviders) {
      speaker = provider
    }
    if !request.hasAnswer { record.silentCall = (node, call) }
    tell(node, .request(request, from: speaker, admission: .puzzle, call: number))
    record.silentCall = nil
  }

  private mutating func reply(
    _ response: KademliaResponse, to call: SeedCall, from node: UInt32
  ) {
    if errs(.dropsAnswers, every: 7) { return }
    var call = call
    if errs(.answersStranger, every: 11) {
      call = SeedCall(peer: (call.peer + 1) % UInt32(scenario.nodes), call: call.call)
    }
    guard settle(call, at: node) else { return }
    send(.answer(response, call: call.call), from: node, to: call.peer)
  }

  /// Takes a request off the list of those that wait; it is an error if it does not stand there.
  private mutating func settle(_ call: SeedCall, at node: UInt32) -> Bool {
    guard let index = nodes[Int(node)].asking.firstIndex(where: { $0.call == call }) else {
      // The refusal of an ADD_PROVIDER answers nothing, and an answer after the end of the
      // connection has nowhere to go.
      if nodes[Int(node)].isConnected(to: call.peer), !record.isSilent(call, at: node) {
        fail(.answerToAsker, node, "call \(call.call) of \(call.peer) is answered unasked")
      }
      return false
    }
    nodes[Int(node)].asking.remove(at: index)
    return true
  }

  mutating func countSpin(_ node: UInt32) {
    if nodes[Int(node)].spin.time != queue.now { nodes[Int(node)].spin = (queue.now, 0) }
    nodes[Int(node)].spin.count += 1
    if nodes[Int(node)].spin.count > SeedCallLimits.spinMax {
      fail(.noSpinning, node, "\(nodes[Int(node)].spin.count) events in one millisecond")
    }
  }
}
