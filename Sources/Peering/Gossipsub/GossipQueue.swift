/// A first-in, first-out queue in one array; popping is amortised O(1).
struct GossipQueue<Element: Sendable>: Sendable {
  private var slots: [Element] = []
  private var head = 0
  /// The head is cut off once it is half of the array and at least this long.
  private static var compactionMin: Int { 16 }

  var count: Int { slots.count - head }
  var isEmpty: Bool { head == slots.count }
  var first: Element? { isEmpty ? nil : slots[head] }

  /// The element at `offset` from the front.
  subscript(offset: Int) -> Element {
    get { slots[head + offset] }
    _modify { yield &slots[head + offset] }
  }

  mutating func append(_ element: Element) { slots.append(element) }

  mutating func popFirst() -> Element? {
    guard head < slots.count else { return nil }
    let element = slots[head]
    head += 1
    if head == slots.count {
      slots.removeAll(keepingCapacity: head <= Self.compactionMin)
      head = 0
    } else if head >= Self.compactionMin, head * 2 >= slots.count {
      slots.removeFirst(head)
      head = 0
    }
    return element
  }
}
