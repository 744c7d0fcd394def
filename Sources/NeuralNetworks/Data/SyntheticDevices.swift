internal import Primitives

/// The synthetic(α, β) data of FedProx (Li et al. 2018, arXiv:1812.06127, §5.1 and appendix C.1).
///
/// Device k has y = argmax(softmax(Wₖ x + bₖ)), x in R⁶⁰, ten classes; Wₖ and bₖ ~ N(uₖ, 1), uₖ ~
/// N(0, α); x ~ N(vₖ, Σ), Σ diagonal with Σⱼⱼ = j^(−1.2), vₖ ~ N(Bₖ, 1), Bₖ ~ N(0, β). So α says
/// how much the models differ and β the data; both are variances, as in the paper. The number of
/// samples is ⌊lognormal(4, 2)⌋ + 50, as in the authors' program. In the IID set all devices share
/// W, b ~ N(0, 1), and v = 0.
public struct SyntheticDevices: Sendable {
  /// Features of one example.
  public static let inputs = 60
  /// Classes.
  public static let classes = 10
  /// Samples every device has.
  static let samplesMin = 50
  /// Of ln (samples − 50).
  private static let sizeMean = 4.0
  private static let sizeDeviation = 2.0
  /// The power of the features' variances.
  private static let covariancePower = -1.2
  /// The index of the stream of what all devices share; devices count from 0.
  private static let sharedIndex = UInt32.max

  /// One device's true model and examples.
  struct Device {
    /// [inputs, classes].
    let weights: [Double]
    /// [classes].
    let biases: [Double]
    /// Means of the features [inputs].
    let means: [Double]
    /// [samples, inputs].
    let features: [Float]
    /// [samples].
    let labels: [Int32]
  }

  private let alpha: Double
  private let beta: Double
  private let isIdentical: Bool
  private let seed: UInt64
  private let samplesMax: Int

  /// synthetic(alpha, beta); no device has more than `samplesMax` samples.
  public init(alpha: Double, beta: Double, seed: UInt64, samplesMax: Int = 1_000) {
    precondition(alpha >= 0 && alpha.isFinite && beta >= 0 && beta.isFinite)
    precondition((Self.samplesMin...(1 << 20)).contains(samplesMax))
    (self.alpha, self.beta, self.seed, self.samplesMax) = (alpha, beta, seed, samplesMax)
    isIdentical = false
  }

  /// The IID set: one model for all devices.
  public init(identicalWithSeed seed: UInt64, samplesMax: Int = 1_000) {
    precondition((Self.samplesMin...(1 << 20)).contains(samplesMax))
    (alpha, beta, self.seed, self.samplesMax) = (0, 0, seed, samplesMax)
    isIdentical = true
  }

  private func stream(_ index: UInt32) -> NormalStream {
    NormalStream(PhiloxStream(seed: seed, domain: .federatedData, index: index))
  }

  /// Device `number`, a function of the seed and the number alone. Draws, in this order: the size,
  /// u, W by rows, b, B, v, then each sample's features.
  func device(_ number: Int) -> Device {
    precondition((0..<Int(Self.sharedIndex)).contains(number))
    var random = stream(UInt32(number))
    let size = Elementary.exponential(Self.sizeMean + Self.sizeDeviation * random.next())
    let samples = min(Int(min(size, Double(samplesMax))) + Self.samplesMin, samplesMax)
    var model = isIdentical ? stream(Self.sharedIndex) : random
    let modelMean = isIdentical ? 0 : alpha.squareRoot() * model.next()
    let weights = model.numbers(Self.inputs * Self.classes, mean: modelMean)
    let biases = model.numbers(Self.classes, mean: modelMean)
    if !isIdentical { random = model }
    let dataMean = isIdentical ? 0 : beta.squareRoot() * random.next()
    let means =
      isIdentical
      ? [Double](repeating: 0, count: Self.inputs)
      : random.numbers(Self.inputs, mean: dataMean)
    let deviations = (1...Self.inputs).map {
      Elementary.power(Double($0), Self.covariancePower / 2)
    }
    var features: [Float] = []
    var labels: [Int32] = []
    for _ in 0..<samples {
      let x = (0..<Self.inputs).map { means[$0] + deviations[$0] * random.next() }
      features += x.map { Float($0) }
      labels.append(Self.label(of: x, weights: weights, biases: biases))
    }
    return Device(
      weights: weights, biases: biases, means: means, features: features, labels: labels)
  }

  /// The class with the largest score; softmax does not change which one that is.
  private static func label(of x: [Double], weights: [Double], biases: [Double]) -> Int32 {
    var best = 0
    var bestScore = -Double.infinity
    for number in 0..<classes {
      var score = biases[number]
      for (place, value) in x.enumerated() { score += value * weights[place * classes + number] }
      if score > bestScore { (best, bestScore) = (number, score) }
    }
    return Int32(best)
  }

  /// The examples of device `number`: the first nine tenths to train, the rest to test.
  public func examples(of number: Int) throws(DatasetError) -> (train: Dataset, test: Dataset) {
    let device = device(number)
    let trained = device.labels.count * 9 / 10
    let split = trained * Self.inputs
    return (
      try Dataset(
        features: Array(device.features[..<split]), labels: Array(device.labels[..<trained]),
        inputs: Self.inputs, classes: Self.classes),
      try Dataset(
        features: Array(device.features[split...]), labels: Array(device.labels[trained...]),
        inputs: Self.inputs, classes: Self.classes)
    )
  }
}
