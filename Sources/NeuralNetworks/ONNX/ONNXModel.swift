public import Primitives

/// A model in the ONNX format (github.com/onnx/onnx, onnx.proto3), read for inference and for its
/// weights.
public struct ONNXModel: Hashable, Sendable {
  /// Operator sets whose operators we compute as they are defined.
  static let opsets: ClosedRange<Int64> = 7...25

  /// One operation.
  public struct Node: Hashable, Sendable {
    /// The node's name, or that of its first output.
    public let name: String
    /// "Gemm" and the like.
    public let operatorName: String
    /// Names of the values read; an empty one is an input left out.
    public let inputs: [String]
    /// Names of the values made.
    public let outputs: [String]
    let attributes: [String: Attribute]
  }

  enum Attribute: Hashable, Sendable {
    case float(Float)
    case integer(Int64)
    case text(String)
    case tensor(ONNXTensor)
    case floats([Float])
    case integers([Int64])
    case texts([String])
  }

  /// An input or output of the graph.
  public struct Port: Hashable, Sendable {
    /// The value's name.
    public let name: String
    /// Sizes as far as the file fixes them; nil for a batch and the like.
    public let shape: [Int?]
    /// Whether the elements are Float32; integers otherwise.
    public let isFloat: Bool
  }

  /// Nodes in an order in which each value is made before it is used.
  public let nodes: [Node]
  /// The weights, by name.
  public let initializers: [String: ONNXTensor]
  /// Names of the weights in the order of the file.
  public let initializerNames: [String]
  /// Values that a run has to be given.
  public let inputs: [Port]
  /// Values that a run gives.
  public let outputs: [Port]
  /// The version of the default operator set.
  public let opset: Int64

  /// Reads a file; whatever is not understood and could change a result is refused.
  public init(decoding bytes: Bytes) throws(ONNXError) {
    var reader = WireReader(bytes[...])
    var graph: ArraySlice<UInt8>?
    var opset: Int64?
    while let (number, value) = try reader.next() {
      switch number {
      case 7:
        guard graph == nil else { throw .malformed("two graphs") }
        graph = try value.bytes()
      case 8:
        let (domain, version) = try Self.operatorSet(value.bytes())
        if domain.isEmpty || domain == "ai.onnx" { opset = version }
      case 25: throw .malformed("functions are not supported")
      default: break
      }
    }
    guard let graph else { throw .malformed("there is no graph") }
    guard let opset else { throw .malformed("there is no operator set") }
    guard Self.opsets.contains(opset) else { throw .opset(opset) }
    self.opset = opset
    var parts = GraphParts()
    try parts.read(graph)
    nodes = parts.nodes
    initializers = parts.initializers
    initializerNames = parts.initializerNames
    inputs = parts.inputs.filter { parts.initializers[$0.name] == nil }
    outputs = parts.outputs
    try checkOrder()
  }

  private static func operatorSet(
    _ message: ArraySlice<UInt8>
  ) throws(ONNXError) -> (domain: String, version: Int64) {
    var reader = WireReader(message)
    var result = (domain: "", version: Int64(0))
    while let (number, value) = try reader.next() {
      if number == 1 { result.domain = try value.name() }
      if number == 2 { result.version = try value.integer() }
    }
    return result
  }

  /// Checks that each value is made once, and before it is used.
  private func checkOrder() throws(ONNXError) {
    var known = Set(initializers.keys)
    for port in inputs where !known.insert(port.name).inserted {
      throw .malformed("two inputs have the name `\(port.name)`")
    }
    for node in nodes {
      for name in node.inputs where !name.isEmpty && !known.contains(name) {
        throw .missingValue(name)
      }
      for name in node.outputs where !name.isEmpty {
        guard known.insert(name).inserted else {
          throw .malformed("two nodes make the value `\(name)`")
        }
      }
    }
    guard !outputs.isEmpty else { throw .malformed("the graph has no output") }
    for port in outputs where !known.contains(port.name) { throw .missingValue(port.name) }
  }
}

/// What a GraphProto holds, as it is read.
private struct GraphParts {
  var nodes: [ONNXModel.Node] = []
  var initializers: [String: ONNXTensor] = [:]
  var initializerNames: [String] = []
  var inputs: [ONNXModel.Port] = []
  var outputs: [ONNXModel.Port] = []

  mutating func read(_ message: ArraySlice<UInt8>) throws(ONNXError) {
    var reader = WireReader(message)
    while let (number, value) = try reader.next() {
      switch number {
      case 1:
        guard nodes.count < ONNXLimits.nodesMax else {
          throw .tooLarge(what: "nodes", limit: ONNXLimits.nodesMax)
        }
        nodes.append(try ONNXModel.Node(value.bytes()))
      case 5:
        let (name, tensor) = try ONNXTensor.read(value.bytes())
        guard initializers.count < ONNXLimits.tensorsMax else {
          throw .tooLarge(what: "initialisers", limit: ONNXLimits.tensorsMax)
        }
        guard !name.isEmpty, initializers.updateValue(tensor, forKey: name) == nil else {
          throw .malformed("two initialisers have the name `\(name)`")
        }
        initializerNames.append(name)
      case 11: inputs.append(try ONNXModel.Port(value.bytes()))
      case 12: outputs.append(try ONNXModel.Port(value.bytes()))
      case 15: throw .malformed("sparse initialisers are not supported")
      default: break
      }
      guard max(inputs.count, outputs.count) <= ONNXLimits.tensorsMax else {
        throw .tooLarge(what: "inputs", limit: ONNXLimits.tensorsMax)
      }
    }
  }
}

extension ONNXModel.Node {
  /// Reads a NodeProto.
  fileprivate init(_ message: ArraySlice<UInt8>) throws(ONNXError) {
    var reader = WireReader(message)
    var given = ""
    var kind = ""
    var lists = (inputs: [String](), outputs: [String]())
    var attributes: [String: ONNXModel.Attribute] = [:]
    while let (number, value) = try reader.next() {
      switch number {
      case 1: lists.inputs.append(try value.name())
      case 2: lists.outputs.append(try value.name())
      case 3: given = try value.name()
      case 4: kind = try value.name()
      case 5:
        let (name, attribute) = try ONNXModel.Attribute.read(value.bytes())
        if let attribute, attributes.updateValue(attribute, forKey: name) != nil {
          throw .malformed("two attributes have the name `\(name)`")
        }
      case 7:
        let domain = try value.name()
        guard domain.isEmpty || domain == "ai.onnx" else {
          throw .unsupportedOperator("\(domain).\(kind)", node: given)
        }
      default: break
      }
      let longest = max(lists.inputs.count, lists.outputs.count, attributes.count)
      guard longest <= ONNXLimits.nodeListMax else {
        throw .tooLarge(what: "inputs of a node", limit: ONNXLimits.nodeListMax)
      }
    }
    guard !kind.isEmpty, lists.outputs.contains(where: { !$0.isEmpty }) else {
      throw .malformed("a node without operator or output")
    }
    name = given.isEmpty ? lists.outputs.first { !$0.isEmpty } ?? "" : given
    operatorName = kind
    (inputs, outputs) = lists
    self.attributes = attributes
  }
}

extension ONNXModel.Attribute {
  /// Reads an AttributeProto; nil for a text list and the like that is empty.
  fileprivate static func read(
    _ message: ArraySlice<UInt8>
  ) throws(ONNXError) -> (name: String, attribute: Self?) {
    var reader = WireReader(message)
    var name = ""
    var single: Self?
    var floats: [Float] = []
    var integers: [Int64] = []
    var texts: [String] = []
    while let (number, value) = try reader.next() {
      switch number {
      case 1: name = try value.name()
      case 2: single = .float(try value.float())
      case 3: single = .integer(try value.integer())
      case 4: single = .text(try value.name())
      case 5: single = .tensor(try ONNXTensor.read(value.bytes()).tensor)
      case 7: try value.floats(to: &floats)
      case 8: try value.integers(to: &integers)
      case 9: texts.append(try value.name())
      case 20:
        // Writers of the schema's proto3 form leave out numbers that are zero.
        let type = try value.integer()
        if single == nil, type == 1 { single = .float(0) }
        if single == nil, type == 2 { single = .integer(0) }
      case 6, 10, 11, 21, 22, 23:
        throw .malformed("attribute `\(name)` is a graph or a reference, which is not supported")
      default: break
      }
      guard max(texts.count, integers.count, floats.count) <= ONNXLimits.elementsMax else {
        throw .tooLarge(what: "elements", limit: ONNXLimits.elementsMax)
      }
    }
    if !integers.isEmpty { single = .integers(integers) }
    if !floats.isEmpty { single = .floats(floats) }
    if !texts.isEmpty { single = .texts(texts) }
    return (name, single)
  }
}

extension ONNXModel.Port {
  /// Reads a ValueInfoProto: name (1), type (2) → tensor_type (1) → elem_type (1), shape (2) →
  /// dim (1) → dim_value (1).
  fileprivate init(_ message: ArraySlice<UInt8>) throws(ONNXError) {
    var reader = WireReader(message)
    var given = ""
    var element: Int64 = ONNXTensor.DataType.float
    var sizes: [Int?] = []
    while let (number, value) = try reader.next() {
      if number == 1 { given = try value.name() }
      guard number == 2 else { continue }
      var type = WireReader(try value.bytes())
      while let (kind, value) = try type.next() {
        guard kind == 1 else { throw .malformed("`\(given)` is no tensor") }
        var tensor = WireReader(try value.bytes())
        while let (number, value) = try tensor.next() {
          if number == 1 { element = try value.integer() }
          if number == 2 { sizes = try Self.sizes(value.bytes()) }
        }
      }
    }
    guard !given.isEmpty else { throw .malformed("an input or output without a name") }
    name = given
    shape = sizes
    isFloat = element == ONNXTensor.DataType.float || element == ONNXTensor.DataType.double
  }

  private static func sizes(_ message: ArraySlice<UInt8>) throws(ONNXError) -> [Int?] {
    var reader = WireReader(message)
    var sizes: [Int?] = []
    while let (number, value) = try reader.next() {
      guard number == 1 else { continue }
      var dimension = WireReader(try value.bytes())
      var size: Int?
      while let (number, value) = try dimension.next() {
        guard number == 1 else { continue }
        size = Int(exactly: try value.integer()).flatMap { $0 >= 0 ? $0 : nil }
      }
      sizes.append(size)
      guard sizes.count <= ONNXLimits.dimensionsMax else {
        throw .tooLarge(what: "dimensions", limit: ONNXLimits.dimensionsMax)
      }
    }
    return sizes
  }
}
