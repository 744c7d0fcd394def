package import Primitives

/// A first-in first-out run of bytes in one reusable allocation.
///
/// Sockets write at the tail, machines read and rewrite in place at the head. Once it has grown to
/// the size of its traffic it allocates nothing more.
package struct ByteQueue: Sendable {
  /// An empty queue gives back an allocation above this: one bulk transfer does not stay resident.
  static let retainedBytesMax = 1_024 * 1_024

  private var storage: Bytes
  private var head = 0
  private var tail = 0

  /// An empty queue with room for `capacity` bytes.
  package init(capacity: Int = 0) {
    storage = Bytes(repeating: 0, count: capacity)
  }

  /// The bytes waiting to be read.
  package var count: Int { tail - head }

  /// Whether nothing waits.
  package var isEmpty: Bool { tail == head }

  /// A copy of the waiting bytes.
  package var bytes: Bytes { Bytes(storage[head..<tail]) }

  /// Takes the first `amount` waiting bytes out.
  package mutating func take(_ amount: Int) -> Bytes {
    precondition(amount >= 0 && amount <= count, "\(amount) of \(count)")
    let taken = Bytes(storage[head..<(head + amount)])
    consume(amount)
    return taken
  }

  /// Appends `source`.
  package mutating func append(_ source: UnsafeRawBufferPointer) {
    guard !source.isEmpty else { return }
    write(atLeast: source.count) { target in
      target.copyMemory(from: source)
      return source.count
    }
  }

  /// Appends `source`.
  package mutating func append(_ source: Bytes) {
    source.withUnsafeBytes { append($0) }
  }

  /// Appends one byte.
  package mutating func append(_ byte: UInt8) {
    reserve(1)
    storage[tail] = byte
    tail += 1
  }

  /// Lets `body` write into at least `room` free bytes; it returns how many it wrote.
  @discardableResult
  package mutating func write(
    atLeast room: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int
  ) -> Int {
    reserve(room)
    let from = tail
    let written = storage.withUnsafeMutableBytes {
      body(UnsafeMutableRawBufferPointer(rebasing: $0[from...]))
    }
    precondition(written >= 0 && from + written <= storage.count)
    tail += written
    return written
  }

  /// Lets `body` read the waiting bytes.
  package func read<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    storage.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[head..<tail])) }
  }

  /// Lets `body` change the waiting bytes in place.
  package mutating func change<Result>(
    _ body: (UnsafeMutableRawBufferPointer) -> Result
  ) -> Result {
    let waiting = head..<tail
    return storage.withUnsafeMutableBytes {
      body(UnsafeMutableRawBufferPointer(rebasing: $0[waiting]))
    }
  }

  /// Lets `body` change the last `amount` waiting bytes in place.
  mutating func changeLast(_ amount: Int, _ body: (UnsafeMutableRawBufferPointer) -> Void) {
    precondition(amount >= 0 && amount <= count)
    let last = (tail - amount)..<tail
    storage.withUnsafeMutableBytes {
      body(UnsafeMutableRawBufferPointer(rebasing: $0[last]))
    }
  }

  /// Gives the allocation back when nothing waits in it.
  mutating func releaseIdleMemory() {
    if isEmpty, !storage.isEmpty { storage = [] }
  }

  /// Drops the first `amount` waiting bytes.
  package mutating func consume(_ amount: Int) {
    precondition(amount >= 0 && amount <= count, "\(amount) of \(count)")
    head += amount
    guard head == tail else { return }
    head = 0
    tail = 0
    if storage.count > Self.retainedBytesMax { storage = [] }
  }

  private mutating func reserve(_ room: Int) {
    if storage.count - tail >= room { return }
    let waiting = count
    if head >= waiting, storage.count - waiting >= room {
      let from = head
      storage.withUnsafeMutableBytes {
        $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[from..<(from + waiting)]))
      }
    } else {
      let capacity = max(2 * storage.count, waiting + room)
      storage = Bytes(unsafeUninitializedCapacity: capacity) { target, initialized in
        // The rest stays as it comes: only what was written between head and tail is ever read.
        read { UnsafeMutableRawBufferPointer(target).copyMemory(from: $0) }
        initialized = capacity
      }
    }
    head = 0
    tail = waiting
  }
}
