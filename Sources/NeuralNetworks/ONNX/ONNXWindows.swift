/// How a window moves over the two last dimensions of [batch, channels, height, width].
struct ONNXWindows {
  let batch: Int
  let channels: Int
  let input: (height: Int, width: Int)
  let output: (height: Int, width: Int)
  let kernel: (height: Int, width: Int)
  let stride: (height: Int, width: Int)
  let dilation: (height: Int, width: Int)
  let padding: (top: Int, left: Int, bottom: Int, right: Int)

  /// Sizes of kernels, strides and paddings: wider than any image we read.
  static let sizeMax: Int64 = 1 << 12

  /// Reads kernel_shape, strides, dilations, pads, auto_pad and ceil_mode.
  init(
    _ call: ONNXCall, shape: [Int], kernel sizes: [Int]?, hasDilations: Bool
  ) throws(ONNXError) {
    guard shape.count == 4 else { throw call.unsupported("anything but two dimensions of space") }
    func pair(_ name: String, _ standard: Int) throws(ONNXError) -> (height: Int, width: Int) {
      guard let list = try call.list(name) else { return (standard, standard) }
      guard list.count == 2, list.allSatisfy({ (1...Self.sizeMax).contains($0) }) else {
        throw call.mismatch("attribute \(name) is \(list)")
      }
      return (Int(list[0]), Int(list[1]))
    }
    (batch, channels) = (shape[0], shape[1])
    input = (shape[2], shape[3])
    if let sizes {
      kernel = (sizes[0], sizes[1])
    } else {
      guard try call.list("kernel_shape") != nil else { throw call.mismatch("no kernel_shape") }
      kernel = try pair("kernel_shape", 1)
    }
    stride = try pair("strides", 1)
    dilation = hasDilations ? try pair("dilations", 1) : (1, 1)
    guard kernel.height > 0, kernel.width > 0, kernel.height <= Self.sizeMax,
      kernel.width <= Self.sizeMax
    else { throw call.mismatch("the kernel's size") }
    let reach = (
      height: (kernel.height - 1) * dilation.height + 1,
      width: (kernel.width - 1) * dilation.width + 1
    )
    let rows = try Self.along(call, 0, size: input.height, reach: reach.height, stride.height)
    let columns = try Self.along(call, 1, size: input.width, reach: reach.width, stride.width)
    padding = (rows.before, columns.before, rows.after, columns.after)
    output = (rows.count, columns.count)
  }

  /// Padding and number of windows along one dimension.
  private static func along(
    _ call: ONNXCall, _ dimension: Int, size: Int, reach: Int, _ stride: Int
  ) throws(ONNXError) -> (before: Int, after: Int, count: Int) {
    var before = 0
    var after = 0
    let mode = try call.text("auto_pad", default: "NOTSET")
    switch mode {
    case "NOTSET":
      if let pads = try call.list("pads") {
        guard pads.count == 4, pads.allSatisfy({ (0...sizeMax).contains($0) }) else {
          throw call.mismatch("attribute pads is \(pads)")
        }
        (before, after) = (Int(pads[dimension]), Int(pads[dimension + 2]))
      }
    case "VALID": break
    case "SAME_UPPER", "SAME_LOWER":
      let count = (size + stride - 1) / stride
      let total = max(0, (count - 1) * stride + reach - size)
      before = mode == "SAME_UPPER" ? total / 2 : total - total / 2
      after = total - before
    default: throw call.unsupported("auto_pad \(mode)")
    }
    let room = size + before + after - reach
    guard size > 0, room >= 0 else { throw call.mismatch("the kernel is larger than its input") }
    var count = room / stride + 1
    if try call.flag("ceil_mode"), !room.isMultiple(of: stride) {
      // A window must begin inside the input or its first padding.
      if (count * stride) < size + before { count += 1 }
    }
    return (before, after, count)
  }

  /// The rows, or columns, of the input that window `index` covers.
  static func range(
    _ index: Int, stride: Int, before: Int, kernel: Int, size: Int
  ) -> Range<Int> {
    let start = index * stride - before
    let low = min(max(start, 0), size)
    return low..<max(low, min(start + kernel, size))
  }
}

extension ONNXCall {
  /// Y = W * X + B over [batch, channels, height, width]; groups, strides, dilations, padding.
  mutating func convolution() throws(ONNXError) -> ONNXTensor {
    let (shape, x) = try floats(0)
    let (sizes, weights) = try floats(1)
    guard sizes.count == 4 else { throw unsupported("anything but two dimensions of space") }
    let windows = try ONNXWindows(
      self, shape: shape, kernel: [sizes[2], sizes[3]], hasDilations: true)
    let groups = Int(clamping: try integer("group", default: 1))
    guard groups > 0, sizes[0].isMultiple(of: groups), sizes[1] > 0,
      windows.channels.isMultiple(of: groups), windows.channels / groups == sizes[1]
    else { throw mismatch("the sizes \(shape), \(sizes) in \(groups) groups") }
    if let given = try list("kernel_shape"), given != [Int64(sizes[2]), Int64(sizes[3])] {
      throw mismatch("kernel_shape is \(given)")
    }
    let places = windows.output.height * windows.output.width
    let depth = sizes[1] * sizes[2] * sizes[3]
    let result = [windows.batch, sizes[0], windows.output.height, windows.output.width]
    let count = try ONNXTensor.elementCount(result)
    _ = try ONNXTensor.elementCount([depth, places])
    try spend([windows.batch, sizes[0], depth, places])
    var y = [Float](repeating: 0, count: count)
    var columns = [Float](repeating: 0, count: depth * places)
    let perGroup = sizes[0] / groups
    for image in 0..<windows.batch {
      for group in 0..<groups {
        windows.unfold(
          x, firstChannel: image * windows.channels + group * sizes[1], channels: sizes[1],
          into: &columns)
        multiply(
          MatrixView(offset: group * perGroup * depth, rows: perGroup, columns: depth),
          of: weights, MatrixView(offset: 0, rows: depth, columns: places), of: columns,
          into: &y, at: (image * sizes[0] + group * perGroup) * places)
      }
    }
    try addBias(to: &y, channels: sizes[0], places: places)
    return ONNXTensor(shape: result, floats: y)
  }

  /// Adds input 2, if there is one, a number a channel.
  private func addBias(to y: inout [Float], channels: Int, places: Int) throws(ONNXError) {
    guard optional(2) != nil else { return }
    let bias = try floats(2).values
    guard bias.count == channels else { throw mismatch("the number of biases") }
    for index in y.indices { y[index] += bias[index / places % channels] }
  }

  /// The largest, or the mean, number of each window.
  mutating func pooling(isMaximum: Bool) throws(ONNXError) -> ONNXTensor {
    let (shape, x) = try floats(0)
    let windows = try ONNXWindows(
      self, shape: shape, kernel: nil,
      hasDilations: node.attributes["dilations"] != nil)
    guard windows.dilation == (1, 1) else { throw unsupported("pooling with gaps") }
    guard try integer("storage_order", default: 0) == 0 else {
      throw unsupported("storage_order")
    }
    let countsPadding = try flag("count_include_pad")
    let result = [windows.batch, windows.channels, windows.output.height, windows.output.width]
    let count = try ONNXTensor.elementCount(result)
    try spend([count, windows.kernel.height, windows.kernel.width])
    var y: [Float] = []
    y.reserveCapacity(count)
    for plane in 0..<windows.batch * windows.channels {
      for row in 0..<windows.output.height {
        for column in 0..<windows.output.width {
          y.append(
            windows.pooled(
              x, plane: plane, row: row, column: column, isMaximum: isMaximum,
              countsPadding: countsPadding))
        }
      }
    }
    return ONNXTensor(shape: result, floats: y)
  }

  /// The mean of each channel's plane.
  mutating func globalAverage() throws(ONNXError) -> ONNXTensor {
    let (shape, x) = try floats(0)
    guard shape.count > 2 else { throw mismatch("the sizes \(shape)") }
    let plane = shape[2...].reduce(1, *)
    guard plane > 0 else { throw mismatch("the sizes \(shape)") }
    let means = (0..<shape[0] * shape[1]).map { index in
      Float(
        x[index * plane..<(index + 1) * plane].reduce(0.0) { $0 + Double($1) } / Double(plane))
    }
    return ONNXTensor(
      shape: shape[..<2] + [Int](repeating: 1, count: shape.count - 2), floats: means)
  }
}

extension ONNXWindows {
  /// Copies windows into columns [channels · kernel, places]; padding is 0.
  fileprivate func unfold(
    _ x: [Float], firstChannel: Int, channels: Int, into columns: inout [Float]
  ) {
    var target = 0
    for channel in 0..<channels {
      let plane = (firstChannel + channel) * input.height * input.width
      for kernelRow in 0..<kernel.height {
        for kernelColumn in 0..<kernel.width {
          for outputRow in 0..<output.height {
            let row = outputRow * stride.height - padding.top + kernelRow * dilation.height
            let isInside = (0..<input.height).contains(row)
            var column = kernelColumn * dilation.width - padding.left
            for _ in 0..<output.width {
              columns[target] =
                isInside && (0..<input.width).contains(column)
                ? x[plane + row * input.width + column] : 0
              target += 1
              column += stride.width
            }
          }
        }
      }
    }
  }

  fileprivate func pooled(
    _ x: [Float], plane: Int, row: Int, column: Int, isMaximum: Bool, countsPadding: Bool
  ) -> Float {
    let rows = Self.range(
      row, stride: stride.height, before: padding.top, kernel: kernel.height, size: input.height)
    let columns = Self.range(
      column, stride: stride.width, before: padding.left, kernel: kernel.width,
      size: input.width)
    var largest = -Float.infinity
    var sum = 0.0
    for row in rows {
      let start = (plane * input.height + row) * input.width
      for place in start + columns.lowerBound..<start + columns.upperBound {
        largest = max(largest, x[place])
        sum += Double(x[place])
      }
    }
    if isMaximum { return largest }
    var area = rows.count * columns.count
    if countsPadding {
      // Padding counts, but not what ceil_mode adds beyond it.
      let paddedRows = Self.range(
        row, stride: stride.height, before: 0, kernel: kernel.height,
        size: input.height + padding.top + padding.bottom)
      let paddedColumns = Self.range(
        column, stride: stride.width, before: 0, kernel: kernel.width,
        size: input.width + padding.left + padding.right)
      area = paddedRows.count * paddedColumns.count
    }
    return area == 0 ? 0 : Float(sum / Double(area))
  }
}
