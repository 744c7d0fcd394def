import Primitives
import Testing

@testable import NeuralNetworks

private func tensor(_ value: JSONValue?) throws -> ONNXTensor {
  let value = try #require(value)
  let shape = try #require(value["shape"]?.elements).map { Int(try #require($0.integer)) }
  if let floats = value["floats"]?.elements {
    return ONNXTensor(shape: shape, floats: try floats.map { Float(try #require($0.double)) })
  }
  let integers = try #require(value["integers"]?.elements)
  return ONNXTensor(shape: shape, integers: try integers.map { try #require($0.integer) })
}

/// Whether shape and integers are equal, and floats to 1e-5 of the largest.
private func agree(_ a: ONNXTensor, _ b: ONNXTensor) -> Bool {
  guard a.shape == b.shape else { return false }
  guard let x = a.floatValues, let y = b.floatValues else { return a == b }
  let scale = y.reduce(Float(1e-3)) { max($0, abs($1)) }
  return zip(x, y).allSatisfy { abs($0 - $1) <= 1e-5 * scale }
}

/// Reference values: onnxruntime 1.31.1, written by Tests/References/onnx_reference.py.
@Suite struct ONNXTests {
  private func operators() throws -> [JSONValue] {
    try #require(JSONValue(parsing: Reference.bytes("onnx/operators.json")).elements)
  }

  @Test("every operator gives what onnxruntime gives")
  func everyOperator() throws {
    let cases = try operators()
    var seen: Set<String> = []
    for item in cases {
      let title = try #require(item["title"]?.text)
      let model = try ONNXModel(decoding: Hex.decode(try #require(item["model"]?.text)))
      seen.formUnion(model.nodes.map(\.operatorName))
      let given = try #require(item["inputs"]?.elements).map { try tensor($0) }
      let named = Dictionary(
        uniqueKeysWithValues: given.enumerated().map { ("x\($0.offset)", $0.element) })
      let results = try model.run(named)
      for (index, expected) in try #require(item["outputs"]?.elements).enumerated() {
        let result = try #require(results["y\(index)"], "\(title)")
        #expect(agree(result, try tensor(expected)), "\(title)")
      }
    }
    #expect(cases.count == 74 && seen.count == 39)
  }

  @Test(
    "networks that PyTorch exported give their outputs", arguments: ["mlp", "cnn", "transformer"])
  func networks(name: String) throws {
    let model = try ONNXModel(decoding: Reference.bytes("onnx/\(name).onnx"))
    let reference = try JSONValue(parsing: Reference.bytes("onnx/\(name).json"))
    let results = try model.run(["x": tensor(reference["x"])])
    #expect(agree(try #require(results["y"]), try tensor(reference["y"])))
  }

  @Test("a perceptron's weights are imported by name and give the same outputs")
  func importWeights() throws {
    let model = try ONNXModel(decoding: Reference.bytes("onnx/mlp.onnx"))
    let layout = try ModelArchitecture(units: [4, 6, 3]).layout
    let rules = ONNXImport.linearLayers(["0", "2"])
    let parameters = try model.parameters(for: layout, by: rules)
    let reference = try JSONValue(parsing: Reference.bytes("onnx/mlp.json"))
    let x = try #require(tensor(reference["x"]).floatValues)
    let y = try #require(tensor(reference["y"]).floatValues)
    // Two layers written out; kernels are [inputs, outputs].
    let w = parameters.values
    for row in 0..<5 {
      var hidden = [Float](repeating: 0, count: 6)
      for unit in 0..<6 {
        let sum = (0..<4).reduce(w[24 + unit]) { $0 + x[row * 4 + $1] * w[$1 * 6 + unit] }
        hidden[unit] = max(0, sum)
      }
      for unit in 0..<3 {
        let sum = (0..<6).reduce(w[48 + unit]) { $0 + hidden[$1] * w[30 + $1 * 3 + unit] }
        #expect(abs(sum - y[row * 3 + unit]) < 1e-5)
      }
    }
    #expect(throws: ONNXError.self) { try model.parameters(for: layout, by: [:]) }
    #expect(
      throws: ONNXError.importFailed(
        tensor: "layers.0.kernel", reason: "there is no tensor `9.weight`")
    ) { try model.parameters(for: layout, by: ONNXImport.linearLayers(["9", "2"])) }
    var unturned = rules
    unturned["layers.0.kernel"] = ONNXImport("0.weight")
    #expect(
      throws: ONNXError.importFailed(
        tensor: "layers.0.kernel", reason: "`0.weight` has the sizes [6, 4] instead of [4, 6]")
    ) { try model.parameters(for: layout, by: unturned) }
  }

  @Test("a file of tensors fills a model by a map, and by equal names where the map says nothing")
  func tensorFile() throws {
    let architecture = try ModelArchitecture(units: [4, 6, 3])
    let layout = architecture.layout
    let graph = try TensorFile(onnx: Reference.bytes("onnx/mlp.onnx"))
    let rules = ONNXImport.linearLayers(["0", "2"])
    let parameters = try graph.parameters(for: layout, by: rules)
    let saved = try TensorFile(safetensors: parameters.safetensors(for: architecture))
    #expect(try saved.parameters(for: layout, by: [:]) == parameters)
    #expect(saved.names.first == "layers.0.bias [6]")
    #expect(
      throws: ONNXError.importFailed(
        tensor: "layers.0.kernel", reason: "there is no tensor `layers.0.kernel`")
    ) { try graph.parameters(for: layout, by: [:]) }
    #expect(
      throws: ONNXError.importFailed(tensor: "other", reason: "the model has no such tensor")
    ) { try saved.parameters(for: layout, by: ["other": ONNXImport("layers.0.bias")]) }
    var crossed = ["layers.0.bias": ONNXImport("layers.1.bias")]
    #expect(
      throws: ONNXError.importFailed(
        tensor: "layers.0.bias", reason: "`layers.1.bias` has the sizes [3] instead of [6]")
    ) { try saved.parameters(for: layout, by: crossed) }
    crossed = ["layers.1.kernel": ONNXImport("2.weight", order: [1, 0])]
    #expect(throws: ONNXError.self) { try saved.parameters(for: layout, by: crossed) }
  }

  @Test("a convolution's dimensions are put in our order")
  func importOrder() throws {
    let model = try ONNXModel(decoding: Reference.bytes("onnx/cnn.onnx"))
    let weights = try #require(
      model.initializers.values.first { $0.shape == [6, 4, 3, 3] })
    let turned = weights.transposed([2, 3, 1, 0])
    #expect(turned.shape == [3, 3, 4, 6])
    let (from, to) = (try #require(weights.floatValues), try #require(turned.floatValues))
    for row in 0..<3 {
      for column in 0..<3 {
        for (input, output) in [(0, 0), (1, 5), (3, 2)] {
          #expect(
            to[((row * 3 + column) * 4 + input) * 6 + output]
              == from[((output * 4 + input) * 3 + row) * 3 + column])
        }
      }
    }
  }

  @Test("no truncation of a model runs, and no flipped bit traps")
  func damaged() throws {
    for name in ["mlp", "cnn"] {
      let bytes = try Reference.bytes("onnx/\(name).onnx")
      for length in 0..<bytes.count {
        // The operator set stands behind the graph, so a shorter file always lacks something.
        #expect(throws: ONNXError.self) { try ONNXModel(decoding: Bytes(bytes.prefix(length))) }
      }
      for bit in stride(from: 0, to: bytes.count * 8, by: 3) {
        var changed = bytes
        changed[bit / 8] ^= 1 << UInt8(bit % 8)
        fuzzONNX(changed)
      }
    }
  }

  @Test("no mutation of an operator traps", arguments: UInt64(0)..<10)
  func mutations(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    for item in try operators() {
      let bytes = try Hex.decode(try #require(item["model"]?.text))
      for _ in 0..<10 {
        var changed = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          let place = Int.random(in: 0..<changed.count, using: &random)
          changed[place] = Bool.random(using: &random) ? .random(in: 0...255, using: &random) : 255
        }
        fuzzONNX(changed)
      }
    }
  }

  @Test("a map of names in JSON puts flattened channels in our order too")
  func importMap() throws {
    let model = try ONNXModel(decoding: Reference.bytes("onnx/cnn.onnx"))
    let name = try #require(
      model.initializerNames.first { model.initializers[$0]?.shape == [6, 4, 3, 3] })
    let from = try #require(model.initializers[name]?.floatValues)
    // As if a linear layer of 6 outputs stood behind 4 channels of 3×3, which PyTorch flattens
    // channel by channel, and we place by place.
    let layout = ParameterLayout(
      tensors: [
        ParameterTensor(name: "layers.0.kernel", sizes: [36, 6], offset: 0, start: .zero)
      ], trainableCount: 216, parameterCount: 216)
    let json = """
      {"layers.0.kernel": {"from": "\(name)", "shape": [6, 4, 3, 3], "order": [2, 3, 1, 0]}}
      """
    let rules = try ONNXImport.rules(json: JSONValue(parsing: Bytes(json.utf8)))
    let to = try model.parameters(for: layout, by: rules).values
    for (output, channel, place) in [(0, 0, 0), (5, 3, 8), (2, 1, 4)] {
      #expect(to[(place * 4 + channel) * 6 + output] == from[(output * 4 + channel) * 9 + place])
    }
    for bad in [
      "[]", #"{"a": {}}"#, #"{"a": {"from": "b", "to": 1}}"#, #"{"a": {"from": "b", "order": 1}}"#,
      #"{"a": {"from": "b", "order": [0.5]}}"#,
    ] {
      #expect(throws: ONNXError.self) {
        try ONNXImport.rules(json: JSONValue(parsing: Bytes(bad.utf8)))
      }
    }
    for (key, value) in [
      ("shape", "[-1, 4]"), ("shape", "[7, 4, 3, 3]"), ("order", "[0, 0, 1, 2]"),
      ("shape", "[4611686018427387904, 4]"),
    ] {
      let json = #"{"layers.0.kernel": {"from": "\#(name)", "\#(key)": \#(value)}}"#
      let rules = try ONNXImport.rules(json: JSONValue(parsing: Bytes(json.utf8)))
      #expect(throws: ONNXError.self) { try model.parameters(for: layout, by: rules) }
    }
  }

  @Test("an axis of a single number, which has none, is refused")
  func noAxis() {
    let data = ONNXTensor(shape: [], floats: [1])
    let node = ONNXModel.Node(
      name: "n", operatorName: "Gather", inputs: ["x", "i"], outputs: ["y"], attributes: [:])
    var call = ONNXCall(
      node: node, inputs: [data, ONNXTensor(shape: [0], integers: [])], opset: 18, budget: 100)
    #expect(
      throws: ONNXError.mismatch(node: "n", reason: "the axis 0 is outside 0 dimensions")
    ) { try call.results() }
  }

  @Test("wrong inputs and results that are not finite are refused by name")
  func refused() throws {
    let model = try ONNXModel(decoding: Reference.bytes("onnx/mlp.onnx"))
    #expect(throws: ONNXError.missingValue("x")) { try model.run([:]) }
    #expect(throws: ONNXError.mismatch(node: "x", reason: "its shape is [5, 4]")) {
      try model.run(["x": ONNXTensor(shape: [2, 4], floats: [Float](repeating: 0, count: 8))])
    }
    #expect(throws: ONNXError.notFinite("x")) {
      try model.run(["x": ONNXTensor(shape: [5, 4], floats: [Float](repeating: .nan, count: 20))])
    }
    let item = try operators().first { $0["title"]?.text == "Exp" }
    let exponential = try ONNXModel(decoding: Hex.decode(try #require(item?["model"]?.text)))
    #expect(throws: ONNXError.notFinite("y0")) {
      try exponential.run([
        "x0": ONNXTensor(shape: [4, 5], floats: [Float](repeating: 100, count: 20))
      ])
    }
    #expect(throws: ONNXError.tooLarge(what: "multiply-adds", limit: ONNXLimits.multiplyAddsMax)) {
      try model.run(
        ["x": ONNXTensor(shape: [5, 4], floats: [Float](repeating: 0, count: 20))],
        multiplyAddsMax: 100)
    }
  }
}
