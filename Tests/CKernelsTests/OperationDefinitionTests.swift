import CKernels
import Testing

/// The operations whose order of arithmetic is their own, against docs/specs/mk1.md written as
/// plain scalar Swift, bit for bit.
@Suite struct OperationDefinitionTests {
  /// mk1 §3: sixteen lanes, folded 8, 4, 2, 1.
  private func fold(_ lanes: [Float]) -> Float {
    var lanes = lanes
    for width in [8, 4, 2, 1] { for lane in 0..<width { lanes[lane] += lanes[lane + width] } }
    return lanes[0]
  }

  private func sum(_ x: [Float]) -> Float {
    var lanes = [Float](repeating: 0, count: 16)
    for (index, value) in x.enumerated() { lanes[index % 16] += value }
    return fold(lanes)
  }

  private func dot(_ x: [Float], _ y: [Float]) -> Float {
    var lanes = [Float](repeating: 0, count: 16)
    for index in x.indices {
      lanes[index % 16] = fma(x[index], y[index], lanes[index % 16])
    }
    return fold(lanes)
  }

  /// mk1 §3: neighbours are added until one is left; an odd one moves up.
  private func tree(_ sums: [Float]) -> Float {
    var sums = sums
    while sums.count > 1 {
      sums = stride(from: 0, to: sums.count, by: 2).map {
        $0 + 1 < sums.count ? sums[$0] + sums[$0 + 1] : sums[$0]
      }
    }
    return sums[0]
  }

  private func fma(_ x: Float, _ y: Float, _ z: Float) -> Float { z.addingProduct(x, y) }

  private func exponential(_ x: [Float], variant: UInt32) -> [Float] {
    var y = [Float](repeating: 0, count: x.count)
    mk_variant_kernels(mk_variant(variant)).pointee.exponential(&y, x, Int64(x.count))
    return y
  }

  /// c ← fma(a, b, c) over `range`, from +0 (mk1 §2).
  private func chain(_ range: Range<Int>, _ a: (Int) -> Float, _ b: (Int) -> Float) -> Float {
    var c: Float = 0
    for index in range { c = fma(a(index), b(index), c) }
    return c
  }

  @Test("attention is chains that end at the mask", arguments: runnableVariants, [true, false])
  func attention(variant: UInt32, isCausal: Bool) throws {
    let (batch, time, heads, dim) = (2, 37, 3, 7)
    let width = heads * dim
    let scale: Float = 0.4
    let qkv = numbers(batch * time * 3 * width, seed: 1, scale: 2)
    var fixture = OperationFixture(
      mk_op_attention, [batch, time, heads, dim], constants: [scale],
      flags: isCausal ? Int(mk_flag_causal) : 0)
    fixture.input(0, qkv)
    fixture.output(0, count: batch * time * width)
    fixture.output(1, count: batch * heads * time * time)
    var y = [Float](repeating: 0, count: batch * time * width)
    var probabilities: [Float] = []
    for head in 0..<batch * heads {
      let (b, h) = (head / heads, head % heads)
      func cell(_ part: Int, _ i: Int, _ d: Int) -> Float {
        qkv[((b * time + i) * 3 + part) * width + h * dim + d]
      }
      for i in 0..<time {
        let end = isCausal ? i + 1 : time
        var scores: [Float] = []
        for j in 0..<end {
          scores.append(chain(0..<dim, { cell(0, i, $0) }, { cell(1, j, $0) }) * scale)
        }
        let largest = scores.max() ?? 0
        let e = exponential(scores.map { $0 - largest }, variant: variant)
        let inverse = 1 / sum(e)
        let p = e.map { $0 * inverse }
        probabilities += p + [Float](repeating: 0, count: time - end)
        for d in 0..<dim {
          y[(b * time + i) * width + h * dim + d] = chain(0..<end, { p[$0] }, { cell(2, $0, d) })
        }
      }
    }
    let results = fixture.results(variant: variant)
    #expect(bits(try #require(results[0])) == bits(y))
    #expect(bits(try #require(results[1])) == bits(probabilities))
  }

  @Test("the gradients of attention are chains too", arguments: runnableVariants, [true, false])
  func attentionBackward(variant: UInt32, isCausal: Bool) throws {
    let (time, dim) = (35, 5)
    let scale: Float = 0.3
    let qkv = numbers(time * 3 * dim, seed: 2)
    let dy = numbers(time * dim, seed: 3)
    func end(_ i: Int) -> Int { isCausal ? i + 1 : time }
    var p = numbers(time * time, seed: 4).map { abs($0) }
    for i in 0..<time { for j in end(i)..<time { p[i * time + j] = 0 } }
    var fixture = OperationFixture(
      mk_op_attention_backward, [1, time, 1, dim], constants: [scale],
      flags: isCausal ? Int(mk_flag_causal) : 0)
    fixture.input(0, dy)
    fixture.input(1, qkv)
    fixture.input(2, p)
    fixture.output(0, count: time * 3 * dim)
    func cell(_ part: Int, _ i: Int, _ d: Int) -> Float { qkv[(3 * i + part) * dim + d] }
    var ds: [[Float]] = []
    for i in 0..<time {
      let dp = (0..<end(i)).map { j in
        chain(0..<dim, { dy[i * dim + $0] }, { cell(2, j, $0) })
      }
      let total = dot(dp, Array(p[i * time..<i * time + end(i)]))
      ds.append(dp.indices.map { (p[i * time + $0] * (dp[$0] - total)) * scale })
    }
    var expected = [Float](repeating: 0, count: time * 3 * dim)
    for i in 0..<time {
      let rows = isCausal ? i..<time : 0..<time
      for d in 0..<dim {
        let place = 3 * i * dim + d
        expected[place] = chain(0..<end(i), { ds[i][$0] }, { cell(1, $0, d) })
        expected[place + dim] = chain(rows, { ds[$0][i] }, { cell(0, $0, d) })
        expected[place + 2 * dim] = chain(rows, { p[$0 * time + i] }, { dy[$0 * dim + d] })
      }
    }
    #expect(bits(try #require(fixture.results(variant: variant)[0])) == bits(expected))
  }

  @Test(
    "a norm of many numbers is a tree of chunks", arguments: runnableVariants, [1, 4096, 20_000])
  func gradientNorm(variant: UInt32, count: Int) throws {
    let x = numbers(count, seed: 5)
    var fixture = OperationFixture(mk_op_gradient_norm, [count])
    fixture.input(0, x)
    fixture.output(0, count: 1)
    let chunks = stride(from: 0, to: count, by: 4096).map { first in
      let chunk = Array(x[first..<min(first + 4096, count)])
      return dot(chunk, chunk)
    }
    #expect(fixture.results(variant: variant)[0] == [tree(chunks).squareRoot()])
  }

  @Test("layer norm is two sums of sixteen lanes a row", arguments: runnableVariants)
  func layerNorm(variant: UInt32) throws {
    let (rows, columns) = (3, 45)
    let x = numbers(rows * columns, seed: 6, scale: 3)
    let gain = numbers(columns, seed: 7)
    let bias = numbers(columns, seed: 8)
    let part = 1 / Float(columns)
    var fixture = OperationFixture(mk_op_layer_norm, [rows, columns], constants: [1e-5, part])
    fixture.input(0, x)
    fixture.input(1, gain)
    fixture.input(2, bias)
    fixture.output(0, count: rows * columns)
    fixture.output(1, count: 2 * rows)
    var y: [Float] = []
    var saved: [Float] = []
    for i in 0..<rows {
      let row = Array(x[i * columns..<(i + 1) * columns])
      let mean = sum(row) * part
      let d = row.map { $0 - mean }
      let inverse = 1 / (dot(d, d) * part + 1e-5).squareRoot()
      y += d.indices.map { fma(d[$0] * inverse, gain[$0], bias[$0]) }
      saved += [mean, inverse]
    }
    let results = fixture.results(variant: variant)
    #expect(bits(try #require(results[0])) == bits(y))
    #expect(results[1] == saved)
  }

  @Test("batch norm's means are trees of chunks of 256 rows", arguments: runnableVariants)
  func batchNorm(variant: UInt32) throws {
    let (rows, channels) = (1_100, 5)
    let x = numbers(rows * channels, seed: 9, scale: 3)
    let part = 1 / Float(rows)
    var fixture = OperationFixture(
      mk_op_batch_norm, [rows, channels], constants: [1e-5, part, 0.1, 0.9, 1.001])
    fixture.input(0, x)
    fixture.input(1, numbers(channels, seed: 10))
    fixture.input(2, numbers(channels, seed: 11))
    fixture.output(0, count: rows * channels)
    fixture.output(1, count: 2 * channels)
    fixture.output(2, count: 2 * channels, initial: [Float](repeating: 1, count: 2 * channels))
    func columnTree(_ channel: Int, _ step: (Float, Float) -> Float) -> Float {
      tree(
        stride(from: 0, to: rows, by: 256).map { first in
          (first..<min(first + 256, rows)).reduce(Float(0)) { step($0, x[$1 * channels + channel]) }
        })
    }
    let means = (0..<channels).map { columnTree($0) { $0 + $1 } * part }
    let variances = (0..<channels).map { channel in
      columnTree(channel) { fma($1 - means[channel], $1 - means[channel], $0) } * part
    }
    let results = fixture.results(variant: variant)
    #expect(results[1] == means + variances.map { 1 / ($0 + 1e-5).squareRoot() })
    #expect(
      results[2] == means.map { fma(0.1, $0, 0.9) } + variances.map { fma(0.1, $0 * 1.001, 0.9) })
  }

  @Test("dropout keeps what Philox says", arguments: runnableVariants, [1, 6, 259, 3_000])
  func dropout(variant: UInt32, count: Int) throws {
    let x = numbers(count, seed: 12)
    let threshold = 1 << 22
    var fixture = OperationFixture(
      mk_op_dropout, [count, threshold, 4 << 28 | 9], constants: [4.0 / 3.0])
    fixture.input(0, x)
    fixture.input(1, integers: [7, -1, 5, 1_000])
    fixture.output(0, count: count)
    let key = UInt64(7) | UInt64(UInt32.max) << 32
    let high = UInt64(1_000) | UInt64(4 << 28 | 9) << 32
    let expected = x.indices.map { index in
      var block = [UInt32](repeating: 0, count: 4)
      let low = UInt64(index / 4) | UInt64(5) << 32
      mk_variant_kernels(mk_variant_portable).pointee.philox(&block, 1, key, low, high)
      return block[index % 4] >> 8 >= UInt32(threshold) ? x[index] * (4.0 / 3.0) : 0
    }
    #expect(fixture.results(variant: variant)[0] == expected)
    let dropped = expected.count { $0 == 0 }
    if count == 3_000 { #expect(abs(dropped - 750) < 100) }
  }

  @Test("filling and copying touch only their cells", arguments: runnableVariants)
  func copies(variant: UInt32) {
    var fill = OperationFixture(mk_op_fill, [5], constants: [-2.5])
    fill.output(0, count: 5)
    #expect(fill.results(variant: variant)[0] == [Float](repeating: -2.5, count: 5))
    var copy = OperationFixture(mk_op_copy, [2, 3, 4, 5])
    // A signalling NaN stays one: copies are of bits.
    let signalling = Float(bitPattern: 0x7f80_0001)
    copy.input(0, [1, signalling, 3, 0, 4, 5, 6])
    copy.output(0, count: 8, initial: [Float](repeating: 9, count: 8))
    #expect(
      copy.results(variant: variant)[0].map(bits) == bits([1, signalling, 3, 9, 9, 4, 5, 6]))
  }
}
