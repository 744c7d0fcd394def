import Telemetry

/// A bounded queue between threads: several offer, several take one, or one takes all.
final class BlockStoreQueue<Element: Sendable>: Sendable {
  /// What became of an offer.
  enum Offer: Equatable {
    case accepted
    case full(waiting: Int)
    case closed
  }

  private struct State: Sendable {
    let elementsMax: Int
    let costMax: Int
    var elements: [(element: Element, cost: Int)] = []
    var cost = 0
    var isClosed = false

    /// Whether there is something to take, now or ever.
    var isServed: Bool { isClosed || !elements.isEmpty }

    func hasRoom(_ cost: Int) -> Bool {
      elements.isEmpty
        || elements.count < elementsMax && self.cost <= costMax - min(cost, costMax)
    }

    mutating func append(_ element: Element, _ cost: Int) {
      elements.append((element, cost))
      self.cost += cost
    }
  }

  private let state: Monitor<State>

  /// A queue of at most `elementsMax` elements whose costs add up to at most `costMax`; one element
  /// is always accepted, however much it costs.
  init(elementsMax: Int, costMax: Int = .max) {
    state = Monitor(State(elementsMax: elementsMax, costMax: costMax))
  }

  /// Adds an element unless the queue is full; never waits.
  func offer(_ element: Element, cost: Int = 0) -> Offer {
    state.withLock { state in
      if state.isClosed { return .closed }
      guard state.hasRoom(cost) else { return .full(waiting: state.elements.count) }
      state.append(element, cost)
      return .accepted
    }
  }

  /// Adds an element, waiting for room; false when the queue is closed. Only for threads that may
  /// block.
  func put(_ element: Element, cost: Int = 0) -> Bool {
    state.withLock(when: { $0.isClosed || $0.hasRoom(cost) }) { state in
      if state.isClosed { return false }
      state.append(element, cost)
      return true
    }
  }

  /// Waits for elements and takes all of them; nil once the queue is closed and empty.
  func takeAll() -> [Element]? {
    state.withLock(when: \.isServed) { state in
      guard !state.elements.isEmpty else { return nil }
      let elements = state.elements.map(\.element)
      state.elements = []
      state.cost = 0
      return elements
    }
  }

  /// Waits for an element and takes the oldest; nil once the queue is closed and empty.
  func takeOne() -> Element? {
    state.withLock(when: \.isServed) { state in
      guard !state.elements.isEmpty else { return nil }
      let (element, cost) = state.elements.removeFirst()
      state.cost -= cost
      return element
    }
  }

  /// Accepts nothing more; what waits is still taken.
  func close() { state.withLock { $0.isClosed = true } }
}
