import CKernels
import Measure

/// Prints the rates of the convolutions of a small image network, forward and both gradients.
func measureConvolutions(isSmoke: Bool) {
  guard let kernels = chosenKernels() else { return }
  let shapes: [(name: String, shape: mk_convolution)] = [
    (
      "1-to-16",
      mk_convolution(
        images: 32, height: 28, width: 28, inputs: 1, outputs: 16, kernel: 3, stride: 1, padding: 1)
    ),
    (
      "16-to-32",
      mk_convolution(
        images: 32, height: 14, width: 14, inputs: 16, outputs: 32, kernel: 3, stride: 1,
        padding: 1)
    ),
  ]
  for (name, shape) in shapes {
    measure(name, shape, with: kernels.pointee, count: pairs(isSmoke: isSmoke))
  }
}

private func measure(_ name: String, _ shape: mk_convolution, with kernels: mk_kernels, count: Int)
{
  var shape = shape
  let images = mk_range(first: 0, count: shape.images)
  let taps = shape.kernel * shape.kernel * shape.inputs
  // Stride 1 and this padding keep the image's sides.
  let pixels = shape.images * shape.height * shape.width
  let sizes = [
    pixels * shape.inputs, taps * shape.outputs, pixels * shape.outputs,
    mk_convolution_workspace_floats(&shape),
  ]
  let buffers = sizes.map { size in
    let buffer = alignedFloats(Int(size))
    for index in 0..<Int(size) { buffer[index] = Float(index * 37 % 2_001 - 1_000) / 1_000 }
    return buffer
  }
  defer { for buffer in buffers { buffer.deallocate() } }
  let (x, weights, y, workspace) = (buffers[0], buffers[1], buffers[2], buffers[3])
  let operations = Double(2 * pixels * taps * shape.outputs)
  func report(_ part: String, _ work: () -> Void) {
    var times = FastestTimes()
    for _ in 0..<count { times.own(processorTime(repeats(of: operations), work)) }
    let rate = decimal(operations / times.own / 1e9, places: 1)
    print("convolution \(name) \(part) \(rate) GFLOP/s \(decimal(times.own * 1e6, places: 0)) us")
  }
  report("forward") { kernels.convolution(&shape, x, weights, y, images, workspace) }
  report("weights") {
    kernels.convolution_weights(&shape, x, y, weights, mk_range(first: 0, count: taps), workspace)
  }
  report("input") { kernels.convolution_input(&shape, y, weights, x, images, workspace) }
}
