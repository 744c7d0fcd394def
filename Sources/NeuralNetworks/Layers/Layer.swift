internal import CKernels

/// A part of a model: a value that emits the operations of its forward and its backward pass.
///
/// In the shapes below `rows` is what precedes the sizes named: examples, or examples × tokens.
protocol Layer: Sendable {
  /// Emits the operations from `input` to the output. `input` stays its caller's; the caller holds
  /// the output of the pass.
  func forward(_ input: Region, in program: inout ProgramBuilder) -> LayerPass

  /// Emits the operations from the output's gradient to those of the parameters and, if wanted, of
  /// the input. Releases `gradient` and all that the pass saved; the caller holds the result.
  func backward(
    _ pass: LayerPass, gradient: Region, wantsInput: Bool, in program: inout ProgramBuilder
  ) -> Region?
}

/// What a forward pass leaves for the backward pass.
struct LayerPass {
  /// The result, held by the caller.
  let output: Region
  /// Held by the pass.
  var saved: [Region] = []
  /// Passes of the layers inside.
  var inner: [LayerPass] = []
}

extension ProgramBuilder {
  /// Holds regions for the backward pass; in inference there is none.
  mutating func save(_ regions: Region...) -> [Region] {
    guard isTraining else { return [] }
    for region in regions { retain(region) }
    return regions
  }

  mutating func release(_ regions: [Region]) {
    for region in regions { release(region) }
  }
}

/// Layers one after another.
struct LayerSequence: Layer {
  let layers: [any Layer]

  func forward(_ input: Region, in program: inout ProgramBuilder) -> LayerPass {
    var current = program.retain(input)
    var passes: [LayerPass] = []
    for layer in layers {
      let pass = layer.forward(current, in: &program)
      program.release(current)
      current = pass.output
      if program.isTraining { passes.append(pass) }
    }
    return LayerPass(output: current, inner: passes)
  }

  func backward(
    _ pass: LayerPass, gradient: Region, wantsInput: Bool, in program: inout ProgramBuilder
  ) -> Region? {
    var current = gradient
    for (index, layer) in layers.enumerated().reversed() {
      guard
        let below = layer.backward(
          pass.inner[index], gradient: current, wantsInput: wantsInput || index > 0,
          in: &program)
      else { return nil }
      current = below
    }
    return current
  }
}

/// y = x + body(norm(x)): one half of a transformer's block, [rows, width].
struct PreNormalizedResidual: Layer {
  let name: String
  let norm: RowNormalization
  let body: LayerSequence

  func forward(_ input: Region, in program: inout ProgramBuilder) -> LayerPass {
    let normalized = norm.forward(input, in: &program)
    let inner = body.forward(normalized.output, in: &program)
    program.release(normalized.output)
    let sum = program.target(for: inner.output)
    program.emit(
      mk_op_add, "\(name)/residual", sizes: [sum.count],
      reads: [inner.output.offset, input.offset], writes: [sum.offset])
    program.release(inner.output)
    return LayerPass(output: sum, inner: [normalized, inner])
  }

  /// The sum passes the gradient on to both; the norm's backward pass adds the two again.
  func backward(
    _ pass: LayerPass, gradient: Region, wantsInput: Bool, in program: inout ProgramBuilder
  ) -> Region? {
    program.retain(gradient)
    let inner = body.backward(pass.inner[1], gradient: gradient, wantsInput: true, in: &program)
    guard let inner else { preconditionFailure("an input gradient was asked for") }
    return norm.backward(pass.inner[0], gradient: inner, addend: gradient, in: &program)
  }
}
