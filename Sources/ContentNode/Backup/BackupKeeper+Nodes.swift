import ContentStore
import Cryptography
import Networking
import Peering
import Persistence
import Primitives

/// How a storage node answered, as far as it was tried.
enum HoldOutcome: Sendable {
  /// For each block whether it keeps it.
  case keeps([Bool])
  /// It said no.
  case refuses
  /// It did not send a block that it says it keeps.
  case lies
  /// It is gone.
  case gone

  /// Those of the blocks that it was asked about that it keeps.
  func kept(of blocks: [HoldBlock]) -> [HoldBlock] {
    guard case .keeps(let flags) = self else { return [] }
    return zip(blocks, flags).filter(\.1).map(\.0)
  }
}

extension BackupStanding {
  mutating func note(_ outcome: HoldOutcome, of peer: PeerID) {
    switch outcome {
    case .keeps: break
    case .refuses: note(.refusing, of: peer)
    case .lies: note(.lying, of: peer)
    case .gone: note(.unreachable, of: peer)
    }
  }
}

extension BackupKeeper {
  /// Asks all nodes which of the blocks they keep, and tries some that they name.
  func survey(
    _ blocks: [HoldBlock], _ standing: inout BackupStanding, by action: HoldRequest.Action = .ask
  ) async -> Keepers {
    let outcomes = await each(standing.live.map { ($0, blocks) }) { blocks, peer in
      await outcome(action, blocks, peer)
    }
    var keepers: Keepers = [:]
    for (peer, blocks, outcome) in outcomes {
      standing.note(outcome, of: peer)
      for block in outcome.kept(of: blocks) { keepers[block.digest, default: []].append(peer) }
    }
    return keepers
  }

  /// Asks a node to keep blocks, and tries some.
  func keep(_ blocks: [HoldBlock], on peer: PeerID) async -> HoldOutcome {
    await outcome(.keep, blocks, peer)
  }

  private func outcome(
    _ action: HoldRequest.Action, _ blocks: [HoldBlock], _ peer: PeerID
  ) async -> HoldOutcome {
    do {
      switch try await holding.request(action, blocks, of: peer) {
      case .refused: return .refuses
      case .held(let flags, _):
        let outcome = HoldOutcome.keeps(flags)
        for block in outcome.kept(of: blocks).shuffled().prefix(samples) {
          try await holding.prove(block, by: peer)
        }
        return outcome
      }
    } catch let error as PeerError {
      if case .protocolRefused = error { return .refuses }
      return .gone
    } catch is CancellationError {
      return .gone
    } catch {
      // It answered, with something else.
      return .lies
    }
  }

  /// Does something with several nodes at once; outcomes come in the order of the orders.
  func each<Outcome: Sendable>(
    _ orders: [(PeerID, [HoldBlock])],
    _ body: @escaping @Sendable ([HoldBlock], PeerID) async -> Outcome
  ) async -> [(PeerID, [HoldBlock], Outcome)] {
    await withTaskGroup(of: (Int, Outcome).self) { group in
      for (place, (peer, blocks)) in orders.enumerated() {
        group.addTask { (place, await body(blocks, peer)) }
      }
      var outcomes: [(Int, Outcome)] = []
      for await outcome in group { outcomes.append(outcome) }
      return outcomes.sorted { $0.0 < $1.0 }.map { (orders[$0.0].0, orders[$0.0].1, $0.1) }
    }
  }
}
