internal import CKernels
internal import Primitives

/// The order in which a run visits its examples: fixed before the work starts, so that nobody can
/// search for an order that suits him.
public enum BatchOrder: Hashable, Sendable {
  /// A fresh shuffle per epoch, a function of the session's seed, the epoch counted from the
  /// session's start and the logical client; any epoch can be computed alone.
  case shuffled(seed: UInt64, firstEpoch: UInt32, client: UInt32)
  /// One SplitMix64 stream over all epochs, Fisher–Yates from the top with `next() % (i + 1)`:
  /// the order of the NumPy baseline.
  case splitMix(seed: UInt64)
  /// Given permutations, one per epoch.
  case explicit([[Int32]])

  /// The indices of epoch `epoch` (from 0 within this run) over `count` examples.
  public func permutation(epoch: Int, count: Int) -> [Int32] {
    switch self {
    case .shuffled(let seed, let firstEpoch, let client):
      let stream = PhiloxStream(
        seed: seed, domain: .batchOrder,
        index: firstEpoch &+ UInt32(truncatingIfNeeded: epoch), client: client)
      return philoxShuffle(stream, count: count)
    case .splitMix(let seed):
      var random = SplitMix64(seed: seed)
      var order: [Int32] = []
      for _ in 0...epoch { order = splitMixShuffle(count: count, using: &random) }
      return order
    case .explicit(let orders):
      return orders[epoch]
    }
  }

  /// Philox blocks drawn when `epochs` epochs have begun over `count` examples.
  func randomBlocks(epochs: Int, count: Int) -> UInt64 {
    switch self {
    case .shuffled: UInt64(epochs) * UInt64(PhiloxStream.blocks(forWords: count))
    case .splitMix, .explicit: 0
    }
  }
}

/// Fisher–Yates from the top; word i of the stream chooses the partner of place i by the upper
/// half of a 32×32-bit product (bias below count / 2³²).
func philoxShuffle(_ stream: PhiloxStream, count: Int, firstBlock: UInt64 = 0) -> [Int32] {
  var order = (0..<count).map { Int32($0) }
  let words = stream.words(count, firstBlock: firstBlock)
  for place in stride(from: count - 1, to: 0, by: -1) {
    order.swapAt(place, Int((UInt64(words[place]) * UInt64(place + 1)) >> 32))
  }
  return order
}

private func splitMixShuffle(count: Int, using random: inout SplitMix64) -> [Int32] {
  var order = (0..<count).map { Int32($0) }
  for place in stride(from: count - 1, to: 0, by: -1) {
    order.swapAt(place, Int(random.next() % UInt64(place + 1)))
  }
  return order
}

/// Philox4x32-10 as a table of random words: any word can be computed alone (mk1 §6).
public struct PhiloxStream: Sendable {
  /// What the words are for; streams of different domains never meet.
  public enum Domain: UInt32, Sendable {
    case initialParameters = 1
    case batchOrder = 2
    case syntheticData = 3
    case dropout = 4
    case trainTestSplit = 8
    case blockOrder = 9
    case windowOrder = 10
    case federatedData = 11
    case generation = 12
  }

  /// Logical clients that fit beside the domain in one counter word.
  public static let clientsMax = 1 << 28
  private let seed: UInt64
  private let counterHigh: UInt64

  /// The stream of one (domain, index, client) under a session's seed.
  public init(seed: UInt64, domain: Domain, index: UInt32, client: UInt32 = 0) {
    precondition(client < UInt32(Self.clientsMax))
    self.seed = seed
    counterHigh = UInt64(index) | UInt64(domain.rawValue << 28 | client) << 32
  }

  /// Blocks of four words.
  static func blocks(forWords count: Int) -> Int { (count + 3) / 4 }

  /// The first `count` words, or `count` words from another block on.
  public func words(_ count: Int, firstBlock: UInt64 = 0) -> [UInt32] {
    let blocks = Self.blocks(forWords: count)
    var words = [UInt32](repeating: 0, count: blocks * 4)
    guard blocks > 0 else { return [] }
    Kernels.active.pointee.philox(&words, Int64(blocks), seed, firstBlock, counterHigh)
    words.removeLast(words.count - count)
    return words
  }

  /// The first `count` words as numbers in [−scale, scale), multiples of scale · 2⁻²³.
  public func uniform(_ count: Int, scale: Float) -> [Float] {
    words(count).map { (Float($0 >> 8) * 0x1p-23 - 1) * scale }
  }
}

/// What tells the dropout of one step from that of any other (mk1 §6).
struct DropoutCounters: Equatable {
  var seed: UInt64
  var client: UInt32
  var step: UInt32
}

extension BatchOrder {
  /// The counters of step `step` (from 0 within this run) with `stepsPerEpoch` steps an epoch.
  /// Orders without a seed have the seed 0.
  func dropoutCounters(step: Int, stepsPerEpoch: Int) -> DropoutCounters {
    switch self {
    case .shuffled(let seed, let firstEpoch, let client):
      let first = firstEpoch &* UInt32(truncatingIfNeeded: stepsPerEpoch)
      return DropoutCounters(
        seed: seed, client: client, step: first &+ UInt32(truncatingIfNeeded: step))
    case .splitMix(let seed):
      return DropoutCounters(seed: seed, client: 0, step: UInt32(truncatingIfNeeded: step))
    case .explicit:
      return DropoutCounters(seed: 0, client: 0, step: UInt32(truncatingIfNeeded: step))
    }
  }
}

extension ParameterBuffer {
  /// The model before the first step, a function of the seed alone: random weights number i of the
  /// layout (from 0) take Philox stream i of the domain `initialParameters`; biases are 0, gains 1.
  public init(randomFor architecture: ModelArchitecture, seed: UInt64) {
    self.init(zerosFor: architecture)
    var random: UInt32 = 0
    for tensor in architecture.layout.tensors {
      switch tensor.start {
      case .zero: break
      case .one: values.replaceSubrange(tensor.range, with: repeatElement(1, count: tensor.count))
      case .meansAndVariances:
        let half = tensor.count / 2
        values.replaceSubrange(
          tensor.range.lowerBound + half..<tensor.range.upperBound,
          with: repeatElement(1, count: half))
      case .uniform(let scale):
        let stream = PhiloxStream(seed: seed, domain: .initialParameters, index: random)
        values.replaceSubrange(tensor.range, with: stream.uniform(tensor.count, scale: scale))
        random += 1
      }
    }
  }
}
