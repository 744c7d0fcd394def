public import Primitives

/// The safetensors format (huggingface/safetensors, README "Format"): 8 bytes little-endian header
/// length, a JSON header, then the tensors' bytes. Only 32-bit floats are written and read.
public enum Safetensors {
  /// The format's own limit of a header.
  public static let headerBytesMax = 100_000_000
  /// Our limit: some thousand tensors, and a vocabulary of 65,536 byte pairs in the metadata.
  static let headerBytesAccepted = 8 << 20
  /// Headers are padded with spaces so that tensors are aligned.
  private static let alignment = 8

  /// One named tensor.
  public struct Tensor: Hashable, Sendable {
    /// "layers.0.kernel" and the like.
    public let name: String
    /// Sizes, outermost first.
    public let shape: [Int]
    /// Row-major numbers.
    public let values: [Float]

    /// Takes a tensor whose numbers fill its shape.
    public init(name: String, shape: [Int], values: [Float]) {
      precondition(shape.reduce(1, *) == values.count)
      self.name = name
      self.shape = shape
      self.values = values
    }
  }

  /// Returns the file's bytes. Names are unique.
  public static func encode(_ tensors: [Tensor], metadata: [JSONValue.Member] = []) -> Bytes {
    var members: [JSONValue.Member] = []
    if !metadata.isEmpty { members.append(.init("__metadata__", .object(metadata))) }
    var offset = 0
    for tensor in tensors {
      let end = offset + tensor.values.count * MemoryLayout<Float>.size
      members.append(
        .init(
          tensor.name,
          [
            "dtype": "F32", "shape": .array(tensor.shape.map { JSONValue($0) }),
            "data_offsets": [JSONValue(offset), JSONValue(end)],
          ]))
      offset = end
    }
    var header = JSONValue.object(members).encoded()
    while !header.count.isMultiple(of: alignment) { header.append(UInt8(ascii: " ")) }
    var file = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Bytes($0) }
    file += header
    for tensor in tensors { file += LittleEndian.bytes(of: tensor.values) }
    return file
  }

  /// Reads a file; anything that is not exactly covered by the header is refused.
  public static func decode(_ file: Bytes) throws(SafetensorsError) -> [Tensor] {
    try decodeWithMetadata(file).tensors
  }

  /// Reads a file with its metadata, which the format gives texts as values.
  public static func decodeWithMetadata(
    _ file: Bytes
  ) throws(SafetensorsError) -> (tensors: [Tensor], metadata: [String: String]) {
    guard file.count >= 8 else { throw .truncated(have: file.count, need: 8) }
    let length = file.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(headerBytesAccepted) else {
      throw .headerTooLong(length, limit: headerBytesAccepted)
    }
    let start = 8 + Int(length)
    guard file.count >= start else { throw .truncated(have: file.count, need: start) }
    let header: JSONValue
    do {
      header = try JSONValue(parsing: Bytes(file[8..<start]), bytesMax: headerBytesAccepted)
    } catch {
      throw .header(error)
    }
    guard let members = header.members else { throw .malformedTensor("header") }
    var tensors: [Tensor] = []
    var offset = 0
    for member in members where member.name != "__metadata__" {
      tensors.append(try tensor(member, in: file[start...], at: &offset))
    }
    guard Set(tensors.map(\.name)).count == tensors.count else { throw .duplicateName }
    guard start + offset == file.count else {
      throw .trailingBytes(file.count - start - offset)
    }
    return (tensors, try metadata(header["__metadata__"]))
  }

  private static func metadata(
    _ value: JSONValue?
  ) throws(SafetensorsError) -> [String: String] {
    guard let value else { return [:] }
    guard let members = value.members else { throw .malformedTensor("__metadata__") }
    var texts: [String: String] = [:]
    for member in members {
      guard let text = member.value.text else { throw .malformedTensor("__metadata__") }
      texts[member.name] = text
    }
    return texts
  }

  private static func tensor(
    _ member: JSONValue.Member, in data: ArraySlice<UInt8>, at offset: inout Int
  ) throws(SafetensorsError) -> Tensor {
    guard let fields = member.value.members, fields.count == 3,
      let type = member.value["dtype"]?.text, let sizes = member.value["shape"]?.elements,
      let range = member.value["data_offsets"]?.elements?.map(\.integer), range.count == 2,
      let first = range[0], let end = range[1]
    else { throw .malformedTensor(member.name) }
    guard type == "F32" else { throw .type(type, tensor: member.name) }
    var shape: [Int] = []
    var count = 1
    for size in sizes {
      guard let size = size.integer, size >= 0,
        size <= Int64(ModelArchitecture.Limits.parametersMax)
      else { throw .malformedTensor(member.name) }
      let (product, overflow) = count.multipliedReportingOverflow(by: Int(size))
      guard !overflow, product <= ModelArchitecture.Limits.parametersMax else {
        throw .tooLarge(tensor: member.name)
      }
      count = product
      shape.append(Int(size))
    }
    guard first == Int64(offset), end == first + Int64(count * MemoryLayout<Float>.size) else {
      throw .malformedTensor(member.name)
    }
    guard data.count >= Int(end) else {
      let headerBytes = data.startIndex
      throw .truncated(have: headerBytes + data.count, need: headerBytes + Int(end))
    }
    let bytes = Bytes(data[data.startIndex + offset..<data.startIndex + Int(end)])
    offset = Int(end)
    do {
      let values = try LittleEndian.floats(in: bytes, count: count, what: member.name)
      return Tensor(name: member.name, shape: shape, values: values)
    } catch {
      throw .notFinite(tensor: member.name)
    }
  }
}

/// Why a safetensors file was refused.
public enum SafetensorsError: Error, Equatable, Sendable {
  case truncated(have: Int, need: Int)
  case headerTooLong(UInt64, limit: Int)
  case header(DecodingFailure)
  case malformedTensor(String)
  case type(String, tensor: String)
  case tooLarge(tensor: String)
  case duplicateName
  case trailingBytes(Int)
  case notFinite(tensor: String)
  case missing(tensor: String)
  case otherShape(tensor: String, expected: [Int])
  case otherCount(expected: Int)
  /// A checkpoint lacks an entry of its metadata, or it is malformed.
  case metadata(String)
  /// The bytes are not those that were written.
  case checksum
}

extension SafetensorsError: CustomStringConvertible {
  /// One lower-case sentence.
  public var description: String {
    switch self {
    case .truncated(let have, let need):
      "the file has \(have) bytes, its header needs \(need)"
    case .headerTooLong(let length, let limit):
      "the header has \(length) bytes, the limit is \(limit)"
    case .header(let failure): "the header is not JSON: \(failure)"
    case .malformedTensor(let name): "the entry `\(name)` is malformed"
    case .type(let type, let tensor): "the tensor `\(tensor)` has the type \(type), expected F32"
    case .tooLarge(let tensor): "the tensor `\(tensor)` is too large"
    case .duplicateName: "two tensors have one name"
    case .trailingBytes(let count): "\(count) bytes belong to no tensor"
    case .notFinite(let tensor): "the tensor `\(tensor)` holds NaN or infinity"
    case .missing(let tensor): "the tensor `\(tensor)` is missing"
    case .otherShape(let tensor, let expected):
      "the tensor `\(tensor)` has other sizes than \(expected)"
    case .otherCount(let expected): "the model has \(expected) tensors, the file has more"
    case .metadata(let name): "the checkpoint's entry `\(name)` is missing or malformed"
    case .checksum: "the checkpoint is damaged: its checksum does not fit"
    }
  }
}

extension ParameterBuffer {
  /// The model as a safetensors file with the names of its layout: "layers.0.kernel" [inputs,
  /// outputs], "layers.0.bias", ….
  public func safetensors(for architecture: ModelArchitecture) -> Bytes {
    precondition(values.count == architecture.parameterCount)
    return Safetensors.encode(
      architecture.layout.tensors.map {
        .init(name: $0.name, shape: $0.sizes, values: Array(values[$0.range]))
      }, metadata: [.init("format", "martlet")])
  }

  /// Reads a file that `safetensors(for:)` wrote.
  public init(
    safetensors file: Bytes, for architecture: ModelArchitecture
  ) throws(SafetensorsError) {
    let tensors = try Safetensors.decode(file)
    var values: [Float] = []
    let expected = architecture.layout.tensors
    for place in expected {
      guard let tensor = tensors.first(where: { $0.name == place.name }) else {
        throw .missing(tensor: place.name)
      }
      guard tensor.shape == place.sizes else {
        throw .otherShape(tensor: place.name, expected: place.sizes)
      }
      values += tensor.values
    }
    guard tensors.count == expected.count else { throw .otherCount(expected: expected.count) }
    self.init(values)
  }
}

/// Fuzz entry: any bytes give tensors or a `SafetensorsError`.
package func fuzzSafetensors(_ bytes: Bytes) { _ = try? Safetensors.decode(bytes) }
