import Glibc

/// A bounded queue between threads: several offer, several take one, or one takes all.
final class BlockStoreQueue<Element: Sendable>: Sendable {
  /// What became of an offer.
  enum Offer: Equatable {
    case accepted
    case full(waiting: Int)
    case closed
  }

  private struct State {
    var elements: [(element: Element, cost: Int)] = []
    var cost = 0
    var isClosed = false
  }

  private let elementsMax: Int
  private let costMax: Int
  // All three are touched only between lock and unlock, and in init and deinit.
  private nonisolated(unsafe) let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private nonisolated(unsafe) let changed: UnsafeMutablePointer<pthread_cond_t>
  private nonisolated(unsafe) var state = State()

  /// A queue of at most `elementsMax` elements whose costs add up to at most `costMax`; one element
  /// is always accepted, however much it costs.
  init(elementsMax: Int, costMax: Int = .max) {
    self.elementsMax = elementsMax
    self.costMax = costMax
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    changed = .allocate(capacity: 1)
    changed.initialize(to: pthread_cond_t())
    precondition(pthread_mutex_init(mutex, nil) == 0)
    precondition(pthread_cond_init(changed, nil) == 0)
  }

  deinit {
    pthread_cond_destroy(changed)
    pthread_mutex_destroy(mutex)
    changed.deallocate()
    mutex.deallocate()
  }

  private func hasRoom(_ cost: Int) -> Bool {
    state.elements.isEmpty
      || state.elements.count < elementsMax && state.cost <= costMax - min(cost, costMax)
  }

  private func append(_ element: Element, _ cost: Int) {
    state.elements.append((element, cost))
    state.cost += cost
    pthread_cond_broadcast(changed)
  }

  /// Adds an element unless the queue is full; never waits.
  func offer(_ element: Element, cost: Int = 0) -> Offer {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    if state.isClosed { return .closed }
    guard hasRoom(cost) else { return .full(waiting: state.elements.count) }
    append(element, cost)
    return .accepted
  }

  /// Adds an element, waiting for room; false when the queue is closed. Only for threads that may
  /// block.
  func put(_ element: Element, cost: Int = 0) -> Bool {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while !state.isClosed, !hasRoom(cost) { pthread_cond_wait(changed, mutex) }
    if state.isClosed { return false }
    append(element, cost)
    return true
  }

  /// Waits for elements and takes all of them; nil once the queue is closed and empty.
  func takeAll() -> [Element]? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while state.elements.isEmpty {
      if state.isClosed { return nil }
      pthread_cond_wait(changed, mutex)
    }
    let elements = state.elements.map(\.element)
    state.elements = []
    state.cost = 0
    pthread_cond_broadcast(changed)
    return elements
  }

  /// Waits for an element and takes the oldest; nil once the queue is closed and empty.
  func takeOne() -> Element? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while state.elements.isEmpty {
      if state.isClosed { return nil }
      pthread_cond_wait(changed, mutex)
    }
    let (element, cost) = state.elements.removeFirst()
    state.cost -= cost
    pthread_cond_broadcast(changed)
    return element
  }

  /// Accepts nothing more; what waits is still taken.
  func close() {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    state.isClosed = true
    pthread_cond_broadcast(changed)
  }
}
