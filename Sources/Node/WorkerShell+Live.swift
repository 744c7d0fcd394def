internal import Cryptography
internal import FederatedLearning
internal import Orchestration
internal import Primitives

extension WorkerShell {
  /// What the worker does now, for somebody who watches.
  func liveReport() -> JSONValue {
    let waiting = max(0, orders.count - 1)
    guard let order = orders.first else { return ["role": "worker", "waiting": 0] }
    return [
      "role": "worker", "session": .string(order.session.hex),
      "round": .integer(Int64(order.assignment.round)),
      "client": .integer(Int64(order.assignment.client)), "waiting": .integer(Int64(waiting)),
    ]
  }
}
