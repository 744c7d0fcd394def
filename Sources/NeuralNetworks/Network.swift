internal import CKernels

/// The buffers of one network at one batch size, and its forward and backward pass.
///
/// A class that owns raw memory, so that a training step allocates nothing; used by one thread.
final class Network {
  let shape: ModelShape
  private let layers: [ModelShape.Layer]
  private let batchSize: Int
  private let kernels: UnsafePointer<mk_kernels>
  /// Input batch [batch, inputs] and the output of each layer [batch, outputs]; the last holds
  /// logits, then their gradient.
  private let activations: [UnsafeMutablePointer<Float>]
  /// Gradient of each hidden layer's output [batch, outputs]; none for the input.
  private let deltas: [UnsafeMutablePointer<Float>]
  private let losses: UnsafeMutablePointer<Float>
  private let best: UnsafeMutablePointer<Int32>
  let labels: UnsafeMutablePointer<Int32>
  let gradient: UnsafeMutablePointer<Float>
  private let workspace: UnsafeMutablePointer<Float>

  init(
    shape: ModelShape, batchSize: Int, kernels: UnsafePointer<mk_kernels> = Kernels.active
  ) {
    precondition(batchSize > 0)
    self.kernels = kernels
    self.shape = shape
    self.batchSize = batchSize
    layers = shape.layers
    activations = shape.units.map { .allocate(capacity: batchSize * $0) }
    deltas = shape.units.dropFirst().dropLast().map { .allocate(capacity: batchSize * $0) }
    losses = .allocate(capacity: batchSize)
    best = .allocate(capacity: batchSize)
    labels = .allocate(capacity: batchSize)
    gradient = .allocate(capacity: shape.parameterCount)
    workspace = .allocate(capacity: Int(mk_gemm_workspace_floats()))
  }

  deinit {
    for buffer in activations + deltas + [losses, gradient, workspace] { buffer.deallocate() }
    best.deallocate()
    labels.deallocate()
  }

  /// Where the caller puts the input batch [batch, inputs].
  var input: UnsafeMutablePointer<Float> { activations[0] }

  /// Computes the logits of `count` examples.
  private func forward(_ parameters: UnsafePointer<Float>, count: Int) {
    for (index, layer) in layers.enumerated() {
      let output = activations[index + 1]
      kernels.pointee.gemm(
        mk_shape(rows: Int64(count), columns: Int64(layer.outputs), depth: Int64(layer.inputs)),
        rowMajor(activations[index], columns: layer.inputs),
        rowMajor(parameters + layer.weightOffset, columns: layer.outputs),
        output, Int64(layer.outputs), 0, workspace)
      let bias = parameters + layer.biasOffset
      if index < layers.count - 1 {
        kernels.pointee.add_bias_relu(output, bias, Int64(count), Int64(layer.outputs))
      } else {
        kernels.pointee.add_bias(output, bias, Int64(count), Int64(layer.outputs))
      }
    }
  }

  /// Fills `gradient` with that of the mean loss over the first `count` examples of the batch;
  /// returns the mean loss.
  func computeGradient(_ parameters: UnsafePointer<Float>, count: Int) -> Float {
    precondition((1...batchSize).contains(count))
    forward(parameters, count: count)
    let scale = 1 / Float(count)
    kernels.pointee.softmax_cross_entropy(
      activations[layers.count], losses, labels, Int64(count), Int64(shape.outputs), scale)
    for index in stride(from: layers.count - 1, through: 0, by: -1) {
      backward(index, parameters, count: count)
    }
    return kernels.pointee.sum(losses, Int64(count)) * scale
  }

  /// One layer: weight gradient Xᵀ·D, bias gradient Σ D, and below it D·Wᵀ where ReLU was open.
  private func backward(_ index: Int, _ parameters: UnsafePointer<Float>, count: Int) {
    let layer = layers[index]
    let isLast = index == layers.count - 1
    let delta = isLast ? activations[index + 1] : deltas[index]
    kernels.pointee.gemm(
      mk_shape(
        rows: Int64(layer.inputs), columns: Int64(layer.outputs), depth: Int64(count)),
      transposed(activations[index], columns: layer.inputs),
      rowMajor(delta, columns: layer.outputs),
      gradient + layer.weightOffset, Int64(layer.outputs), 0, workspace)
    kernels.pointee.column_sums(
      gradient + layer.biasOffset, delta, Int64(count), Int64(layer.outputs))
    guard index > 0 else { return }
    let below = deltas[index - 1]
    kernels.pointee.gemm(
      mk_shape(
        rows: Int64(count), columns: Int64(layer.inputs), depth: Int64(layer.outputs)),
      rowMajor(delta, columns: layer.outputs),
      transposed(parameters + layer.weightOffset, columns: layer.outputs),
      below, Int64(layer.inputs), 0, workspace)
    kernels.pointee.relu_backward(below, activations[index], Int64(count * layer.inputs))
  }

  /// Sum of the losses of `count` examples in example order, and how many were classified right.
  func score(_ parameters: UnsafePointer<Float>, count: Int) -> (loss: Double, correct: Int) {
    forward(parameters, count: count)
    kernels.pointee.classify(
      activations[layers.count], losses, best, labels, Int64(count), Int64(shape.outputs))
    var loss = 0.0
    var correct = 0
    for row in 0..<count {
      loss += Double(losses[row])
      if best[row] == labels[row] { correct += 1 }
    }
    return (loss, correct)
  }
}

private func rowMajor(_ base: UnsafePointer<Float>, columns: Int) -> mk_matrix {
  mk_matrix(base: base, row_stride: Int64(columns), column_stride: 1)
}

/// The transpose of a row-major matrix with `columns` columns.
private func transposed(_ base: UnsafePointer<Float>, columns: Int) -> mk_matrix {
  mk_matrix(base: base, row_stride: 1, column_stride: Int64(columns))
}
