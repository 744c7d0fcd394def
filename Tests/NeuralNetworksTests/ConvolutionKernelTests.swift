import CKernels
import Testing

@testable import NeuralNetworks

/// One convolution with its operands and the plain loops' results.
private struct ConvolutionSample {
  let shape: mk_convolution
  let x, weights, dy: [Float]
  let y, dweights, dx: [Float]

  init(_ shape: mk_convolution, x: [Float], weights: [Float], dy: [Float]) {
    var shape = shape
    var (y, dweights, dx) = (dy, weights, x)
    mk_convolution_reference(&shape, x, weights, &y)
    mk_convolution_weights_reference(&shape, x, dy, &dweights)
    mk_convolution_input_reference(&shape, dy, weights, &dx)
    self.shape = shape
    (self.x, self.weights, self.dy) = (x, weights, dy)
    (self.y, self.dweights, self.dx) = (y, dweights, dx)
  }

  init(_ shape: mk_convolution, seed: UInt64, of values: (Int, UInt64) -> [Float]) {
    let sizes = Self.sizes(of: shape)
    self.init(
      shape, x: Array(values(sizes.x, seed).prefix(sizes.x)),
      weights: Array(values(sizes.weights, seed + 1).prefix(sizes.weights)),
      dy: Array(values(sizes.y, seed + 2).prefix(sizes.y)))
  }

  static func sizes(of shape: mk_convolution) -> (x: Int, weights: Int, y: Int) {
    var shape = shape
    let places =
      mk_convolution_side(&shape, shape.height) * mk_convolution_side(&shape, shape.width)
    return (
      Int(shape.images * shape.height * shape.width * shape.inputs),
      Int(shape.kernel * shape.kernel * shape.inputs * shape.outputs),
      Int(shape.images * places * shape.outputs)
    )
  }

  /// Which of the three kernels, run on `pool`, do not have the expected bits.
  func wrongKernels(_ kernels: UnsafePointer<mk_kernels>, _ pool: OpaquePointer?) -> [String] {
    var shape = shape
    var y = [Float](repeating: .nan, count: y.count)
    var dweights = [Float](repeating: .nan, count: dweights.count)
    var dx = [Float](repeating: .nan, count: dx.count)
    let floats = mk_convolution_workspace_floats(&shape) * mk_pool_threads(pool)
    var workspace = [Float](repeating: .nan, count: Int(floats))
    mk_convolution_threads(kernels, pool, &shape, x, weights, &y, &workspace)
    mk_convolution_weights_threads(kernels, pool, &shape, x, dy, &dweights, &workspace)
    mk_convolution_input_threads(kernels, pool, &shape, dy, weights, &dx, &workspace)
    return [("y", y, self.y), ("dweights", dweights, self.dweights), ("dx", dx, self.dx)]
      .filter { $0.1.map(\.bitPattern) != $0.2.map(\.bitPattern) }.map(\.0)
  }
}

@Suite struct ConvolutionKernelTests {
  private static func randomShape(_ numbers: inout CaseNumbers, _ number: Int) -> mk_convolution {
    let channels = number % 4 == 0 ? 70 : 12
    return mk_convolution(
      images: Int64(numbers.pick(0...3)), height: Int64(numbers.pick(1...12)),
      width: Int64(numbers.pick(1...12)), inputs: Int64(numbers.pick(1...channels)),
      outputs: Int64(numbers.pick(1...channels)), kernel: Int64(numbers.pick(1...5)),
      stride: Int64(numbers.pick(1...3)), padding: Int64(numbers.pick(0...3)))
  }

  /// Large enough to be split among threads.
  private static let split = mk_convolution(
    images: 5, height: 20, width: 19, inputs: 20, outputs: 33, kernel: 3, stride: 1, padding: 1)

  @Test("every convolution equals the plain loops bit for bit", arguments: runnableVariants)
  func anyShape(variant: UInt32) throws {
    let table = try #require(mk_variant_kernels(mk_variant(variant)))
    var numbers = CaseNumbers(seed: 53)
    for number in 0..<100 {
      let shape = Self.randomShape(&numbers, number)
      let sample = ConvolutionSample(shape, seed: UInt64(3 * number), of: values)
      #expect(sample.wrongKernels(table, nil).isEmpty, "case \(number): \(shape)")
    }
  }

  @Test("one, two and three threads give the same bits", arguments: runnableVariants)
  func threads(variant: UInt32) throws {
    let table = try #require(mk_variant_kernels(mk_variant(variant)))
    let sample = ConvolutionSample(Self.split, seed: 1, of: values)
    for threads in 1...3 {
      let pool = try #require(mk_pool_create(Int64(threads)))
      defer { mk_pool_destroy(pool) }
      #expect(sample.wrongKernels(table, pool).isEmpty, "\(threads) threads")
    }
  }

  @Test("a part of the gradient's rows leaves the others alone", arguments: runnableVariants)
  func partOfRows(variant: UInt32) throws {
    let table = try kernels(variant)
    let sample = ConvolutionSample(Self.split, seed: 2, of: values)
    var shape = sample.shape
    let columns = Int(shape.outputs)
    var workspace = [Float](
      repeating: .nan, count: Int(mk_convolution_workspace_floats(&shape)))
    // Inside one kernel row, and across two of them.
    for (first, count) in [(0, 7), (7, 60), (67, 113)] {
      var rows = [Float](repeating: 7, count: sample.dweights.count)
      let part = mk_range(first: Int64(first), count: Int64(count))
      table.convolution_weights(&shape, sample.x, sample.dy, &rows, part, &workspace)
      let range = first * columns..<(first + count) * columns
      #expect(Array(rows[range]) == Array(sample.dweights[range]))
      #expect(rows[..<range.lowerBound].allSatisfy { $0 == 7 })
      #expect(rows[range.upperBound...].allSatisfy { $0 == 7 })
    }
  }

  @Test("the plain loops agree with a convolution worked out by hand")
  func byHand() {
    let shape = mk_convolution(
      images: 1, height: 2, width: 3, inputs: 1, outputs: 1, kernel: 2, stride: 2, padding: 1)
    let sample = ConvolutionSample(
      shape, x: [1, 2, 3, 4, 5, 6], weights: [1, 10, 100, 1_000], dy: [1, 2, 3, 4])
    // Windows begin at (−1, −1), (−1, 1), (1, −1), (1, 1).
    #expect(sample.y == [1_000, 3_200, 40, 65])
    // Tap (1, 1) sees x = 1, 3 in the upper windows and nothing in the lower ones.
    #expect(sample.dweights == [20, 36, 4, 7])
    #expect(sample.dx == [1_000, 200, 2_000, 30, 4, 40])
  }

  @Test("both gradients are adjoint to the forward pass")
  func adjoint() {
    // Small integers: every sum is exact. ⟨y, dy⟩ = ⟨weights, dweights⟩ = ⟨x, dx⟩, as y is linear
    // in weights and in x.
    func integers(_ count: Int, _ seed: UInt64) -> [Float] {
      PhiloxStream(seed: seed, domain: .syntheticData, index: 4).words(count + 1).map {
        Float(Int($0 % 7) - 3)
      }
    }
    func inner(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).map { $0 * $1 }.reduce(0, +) }
    var numbers = CaseNumbers(seed: 59)
    for number in 0..<40 {
      let sample = ConvolutionSample(
        Self.randomShape(&numbers, number + 1), seed: UInt64(number), of: integers)
      let forward = inner(sample.y, sample.dy)
      #expect(forward == inner(sample.weights, sample.dweights), "case \(number)")
      #expect(forward == inner(sample.x, sample.dx), "case \(number)")
    }
  }
}
