/// The order of an epoch over data larger than memory: neighbours are read together, and yet mixed.
///
/// Rows are cut into blocks of `blockRows` neighbours. An epoch permutes the blocks by Philox, cuts
/// the permuted blocks into windows of `windowBlocks`, and permutes the rows of each window. So a
/// reader touches at most `windowBlocks` places of the file at a time. Data that fit into one
/// window have exactly the order of `BatchOrder.shuffled`. Memory: four bytes a block and four a
/// row of one window. Any place of any epoch can be computed alone, so a run can resume there.
public struct BlockOrder: Sendable {
  /// Enough rows that a block of small examples is a few disk pages.
  public static let defaultBlockRows = 256
  /// 16,384 rows in one window by default: the mixing of a usual shuffle buffer.
  public static let defaultWindowBlocks = 64

  private let rows: Int
  private let seed: UInt64
  private let client: UInt32
  private let blockRows: Int
  private let windowBlocks: Int
  private var epoch: UInt32?
  private var blocks: [Int32] = []
  private var starts: [Int] = []
  private var window: [Int32] = []
  private var windowNumber = -1

  /// The orders of a session's seed and logical client over `rows` rows.
  public init(
    rows: Int, seed: UInt64, client: UInt32 = 0, blockRows: Int = Self.defaultBlockRows,
    windowBlocks: Int = Self.defaultWindowBlocks
  ) {
    precondition((1...CSVSource.rowsMax).contains(rows) && blockRows > 0 && windowBlocks > 0)
    self.rows = rows
    self.seed = seed
    self.client = client
    self.blockRows = blockRows
    self.windowBlocks = windowBlocks
  }

  /// The row numbers at `places` of the order of `epoch`.
  public mutating func rows(at places: Range<Int>, epoch: UInt32) -> [Int32] {
    precondition(places.lowerBound >= 0 && places.upperBound <= rows)
    begin(epoch)
    var chosen: [Int32] = []
    chosen.reserveCapacity(places.count)
    var place = places.lowerBound
    while place < places.upperBound {
      load(windowHolding: place, epoch: epoch)
      let first = starts[windowNumber]
      let end = min(places.upperBound, first + window.count)
      chosen += window[place - first..<end - first]
      place = end
    }
    return chosen
  }

  /// Rows of a block; the last may be shorter.
  private func range(ofBlock block: Int32) -> Range<Int32> {
    let start = Int(block) * blockRows
    return Int32(start)..<Int32(min(start + blockRows, rows))
  }

  private mutating func begin(_ epoch: UInt32) {
    guard self.epoch != epoch else { return }
    self.epoch = epoch
    windowNumber = -1
    let count = (rows + blockRows - 1) / blockRows
    blocks =
      count <= windowBlocks
      ? (0..<count).map { Int32($0) }
      : philoxShuffle(
        PhiloxStream(seed: seed, domain: .blockOrder, index: epoch, client: client), count: count)
    starts = []
    var total = 0
    for (index, block) in blocks.enumerated() {
      if index.isMultiple(of: windowBlocks) { starts.append(total) }
      total += range(ofBlock: block).count
    }
  }

  private mutating func load(windowHolding place: Int, epoch: UInt32) {
    let number = (starts.firstIndex { $0 > place } ?? starts.count) - 1
    guard number != windowNumber else { return }
    windowNumber = number
    let first = number * windowBlocks
    let part = blocks[first..<min(first + windowBlocks, blocks.count)].flatMap {
      Array(range(ofBlock: $0))
    }
    // One window is the plain case, so its stream is that of BatchOrder.shuffled.
    let stream = PhiloxStream(
      seed: seed, domain: starts.count == 1 ? .batchOrder : .windowOrder, index: epoch,
      client: client)
    let order = philoxShuffle(stream, count: part.count, firstBlock: UInt64(number) << 32)
    window = order.map { part[Int($0)] }
  }
}
