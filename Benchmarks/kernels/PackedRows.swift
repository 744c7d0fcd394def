import CKernels
import Measure

/// Prints one row times packed weights beside OpenBLAS' sgemv, for layers of language models.
func measurePackedRows(isSmoke: Bool) {
  guard let kernels = chosenKernels(), let openBLAS = OpenBLAS() else { return }
  for (outputs, inputs) in [(512, 512), (1_536, 512), (4_096, 1_024), (8_192, 4_096)]
  where !isSmoke || outputs < 4_096 {
    let times = measure(
      outputs: outputs, inputs: inputs, with: kernels.pointee, beside: openBLAS,
      pairs: pairs(isSmoke: isSmoke))
    let rate = decimal(Double(4 * outputs * inputs) / times.own / 1e9, places: 1)
    print(
      "gemv packed \(outputs)x\(inputs) \(rate) GB/s "
        + "\(decimal(times.ratio, places: 2)) x openblas sgemv")
  }
}

private func measure(
  outputs: Int, inputs: Int, with kernels: mk_kernels, beside openBLAS: OpenBLAS, pairs: Int
) -> FastestTimes {
  // W [outputs, inputs] is B [inputs, outputs] transposed.
  let buffers = ProductBuffers(ProductCase("packed", 1, outputs, inputs, "B"))
  let (k, n) = (buffers.shape.depth, buffers.shape.columns)
  let packed = alignedFloats(Int(mk_packed_floats(k, n)))
  let other = alignedFloats(outputs)
  defer {
    packed.deallocate()
    other.deallocate()
  }
  mk_pack_weights(buffers.right, k, n, packed)
  let count = repeats(of: 20 * Double(outputs * inputs))
  var times = FastestTimes()
  for _ in 0..<pairs {
    times.other(
      processorTime(count) {
        openBLAS.multiply(
          weights: buffers.b, outputs: outputs, inputs: inputs, x: buffers.a, y: other)
      })
    times.own(
      processorTime(count) {
        kernels.gemm_packed(buffers.shape, buffers.left, packed, buffers.c, n, 0)
      })
  }
  return times
}
