import Cryptography
import Ledger
import NeuralNetworks
import UsefulWork

extension FuzzedParser {
  static let work: [FuzzedParser] = [
    canonical("training-task", as: TrainingTask.self),
    canonical("work-record", as: WorkRecord.self),
    canonical("dispute-question", as: DisputeQuestion.self),
    canonical("dispute-reply", as: DisputeReply.self),
    canonical("iteration-message", as: IterationMessage.self),
    canonical("mining-claim", as: MiningClaim.self),
    canonical("sealed-verdict", as: SealedVerdict.self),
    canonical("ticket", as: Ticket.self),
    canonical("verification-item", as: VerificationItem.self),
    FuzzedParser("training-state") { bytes in
      guard let task = stateTask, let state = try? TrainingState(decoding: bytes, for: task)
      else { return }
      precondition(state.encoded() == bytes)
    },
  ]

  /// A task whose states are small: two inputs, two classes, with momentum.
  private static let stateTask: TrainingTask? = {
    guard let architecture = try? ModelArchitecture(units: [2, 2]),
      let settings = try? TrainingSettings(
        learningRate: 0.1, batchSize: 1, epochs: 4, optimizer: .init(momentum: 0.9, weightDecay: 0))
    else { return nil }
    return try? TrainingTask(
      architecture: architecture, settings: settings, session: .zero, seed: 1, round: 0,
      client: 0, base: .zero, dataset: .zero, examples: 4)
  }()
}
