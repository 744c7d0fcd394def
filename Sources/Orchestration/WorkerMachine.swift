internal import ContentStore

/// Limits of a worker.
public enum WorkerLimits {
  /// Orders that wait; a coordinator that sends more is told to place them elsewhere.
  public static let ordersMax = 1_024
}

/// What happens to a worker.
public enum WorkerEvent: Sendable {
  case ordered(WorkOrder)
  case cancelled(OrderName)
  /// The order at the head is trained and handed in, or failed and reported.
  case finished(OrderName)
  /// The coordinator is gone: what it ordered will be ordered anew.
  case disconnected
}

/// What a worker does.
public enum WorkerEffect: Sendable {
  case train(WorkOrder)
  case refuse(WorkOrder, reason: String)
}

/// A worker: one order at a time, the others in the order of arrival.
public struct WorkerMachine: Sendable {
  /// The order in hand and those that wait, the one in hand first.
  public private(set) var orders: [WorkOrder] = []

  /// A worker without orders.
  public init() {}

  /// Applies one event and returns what has to be done.
  public mutating func handle(_ event: WorkerEvent) -> [WorkerEffect] {
    switch event {
    case .ordered(let order):
      guard !orders.contains(where: { $0.name == order.name }) else { return [] }
      guard orders.count < WorkerLimits.ordersMax else {
        return [.refuse(order, reason: "the worker's queue is full")]
      }
      orders.append(order)
      return orders.count == 1 ? [.train(order)] : []
    case .cancelled(let name):
      // What is in hand runs on: its result is refused, which costs nobody anything.
      orders = orders.prefix(1) + orders.dropFirst().filter { $0.name != name }
      return []
    case .finished(let name):
      guard orders.first?.name == name else { return [] }
      orders.removeFirst()
      return orders.first.map { [.train($0)] } ?? []
    case .disconnected:
      orders = Array(orders.prefix(1))
      return []
    }
  }
}
