/// One named tensor inside the flat buffer of parameters.
public struct ParameterTensor: Hashable, Sendable {
  /// "layers.0.kernel" and the like.
  public let name: String
  /// Sizes, outermost first.
  public let sizes: [Int]
  /// Where its numbers start.
  public let offset: Int
  /// What it holds before the first step.
  let start: Start

  /// What a tensor holds before the first step.
  enum Start: Hashable, Sendable {
    case zero
    case one
    /// Means 0, then as many variances 1.
    case meansAndVariances
    /// Philox words as numbers in [−scale, scale).
    case uniform(scale: Float)
  }

  /// Numbers.
  public var count: Int { sizes.reduce(1, *) }
  /// Its place in the buffer.
  public var range: Range<Int> { offset..<offset + count }
}

/// Where every tensor of a model lies: trainable ones first, in order of the layers, then the
/// running statistics.
public struct ParameterLayout: Hashable, Sendable {
  /// All tensors in order of their offsets.
  public let tensors: [ParameterTensor]
  /// Numbers that an optimizer changes: the prefix.
  public let trainableCount: Int
  /// All numbers.
  public let parameterCount: Int

  /// The tensor that holds number `index`.
  public func tensor(holding index: Int) -> ParameterTensor? {
    tensors.first { $0.range.contains(index) }
  }
}

/// Places tensors one after another.
struct LayoutBuilder {
  private var trainable: [ParameterTensor] = []
  private var running: [ParameterTensor] = []
  private var trainableEnd = 0
  private var runningEnd: Int

  /// Running statistics start at `tail`: the number of trainable numbers, known after a first
  /// pass.
  init(tail: Int) { runningEnd = tail }

  mutating func add(
    _ name: String, _ sizes: [Int], _ start: ParameterTensor.Start
  ) -> ParameterTensor {
    let tensor = ParameterTensor(name: name, sizes: sizes, offset: trainableEnd, start: start)
    trainableEnd += tensor.count
    trainable.append(tensor)
    return tensor
  }

  mutating func addRunning(
    _ name: String, _ sizes: [Int], _ start: ParameterTensor.Start
  ) -> ParameterTensor {
    let tensor = ParameterTensor(name: name, sizes: sizes, offset: runningEnd, start: start)
    runningEnd += tensor.count
    running.append(tensor)
    return tensor
  }

  /// The layout; `tail` was the right one.
  var layout: ParameterLayout {
    let statistics = running.reduce(0) { $0 + $1.count }
    return ParameterLayout(
      tensors: trainable + running, trainableCount: trainableEnd,
      parameterCount: trainableEnd + statistics)
  }
}
