import Primitives
import Testing

@testable import NeuralNetworks

@Suite struct SafetensorsTests {
  private func example() throws -> (ModelArchitecture, ParameterBuffer, Bytes) {
    let shape = try ModelArchitecture(units: [3, 4, 2])
    let model = ParameterBuffer(randomFor: shape, seed: 1)
    return (shape, model, model.safetensors(for: shape))
  }

  private func file(_ header: String, data: Int) -> Bytes {
    let bytes = Bytes(header.utf8)
    return withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { Bytes($0) } + bytes
      + Bytes(repeating: 0, count: data)
  }

  @Test("a model survives its file")
  func roundTrip() throws {
    let (shape, model, file) = try example()
    #expect(try ParameterBuffer(safetensors: file, for: shape) == model)
    #expect(
      try Safetensors.decode(file).map(\.name)
        == ["layers.0.kernel", "layers.0.bias", "layers.1.kernel", "layers.1.bias"])
  }

  @Test("every truncation is refused")
  func truncated() throws {
    let (_, _, file) = try example()
    for length in 0..<file.count {
      #expect(throws: SafetensorsError.self) { try Safetensors.decode(Bytes(file.prefix(length))) }
    }
    #expect(throws: SafetensorsError.truncated(have: file.count - 1, need: file.count)) {
      try Safetensors.decode(Bytes(file.dropLast()))
    }
    #expect(throws: SafetensorsError.trailingBytes(1)) { try Safetensors.decode(file + [0]) }
  }

  @Test("a flipped bit is refused or changes the model")
  func flipped() throws {
    let (shape, model, file) = try example()
    for bit in 0..<file.count * 8 {
      var changed = file
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      guard let other = try? ParameterBuffer(safetensors: changed, for: shape) else { continue }
      // Only the free text of the metadata carries no parameter.
      let inMetadata = (8..<8 + "{\"__metadata__\":{\"format\":\"martlet\"},".utf8.count)
        .contains(bit / 8)
      #expect(inMetadata || other.bytes != model.bytes, "bit \(bit)")
    }
  }

  @Test("a header that lies is refused")
  func lies() {
    #expect(throws: SafetensorsError.headerTooLong(.max, limit: Safetensors.headerBytesAccepted)) {
      try Safetensors.decode(Bytes(repeating: 255, count: 8))
    }
    let entry = { (type: String, shape: String, from: String, to: String) in
      #"{"a":{"dtype":"\#(type)","shape":[\#(shape)],"data_offsets":[\#(from),\#(to)]}}"#
    }
    #expect(throws: SafetensorsError.type("F16", tensor: "a")) {
      try Safetensors.decode(file(entry("F16", "2", "0", "4"), data: 4))
    }
    for (shape, from, to) in [
      ("2", "0", "4"), ("1", "4", "8"), ("-1", "0", "4"), ("1", "-4", "0"), ("1", "0", "4.5"),
      ("1", "0", "9223372036854775807"), ("4294967296,4294967296", "0", "4"),
    ] {
      #expect(throws: SafetensorsError.self) {
        try Safetensors.decode(file(entry("F32", shape, from, to), data: 8))
      }
    }
    #expect(throws: SafetensorsError.tooLarge(tensor: "a")) {
      try Safetensors.decode(file(entry("F32", "65536,65536", "0", "4"), data: 4))
    }
  }

  @Test("NaN in a tensor and tensors of another model are refused")
  func wrongContent() throws {
    let (_, _, good) = try example()
    var bad = good
    bad.replaceSubrange(bad.count - 4..<bad.count, with: [0, 0, 0xc0, 0x7f])
    #expect(throws: SafetensorsError.notFinite(tensor: "layers.1.bias")) {
      try Safetensors.decode(bad)
    }
    let other = try ModelArchitecture(units: [3, 5, 2])
    #expect(throws: SafetensorsError.otherShape(tensor: "layers.0.kernel", expected: [3, 5])) {
      try ParameterBuffer(safetensors: good, for: other)
    }
    let shorter = try ModelArchitecture(units: [3, 4])
    #expect(throws: SafetensorsError.otherCount(expected: 2)) {
      try ParameterBuffer(safetensors: good, for: shorter)
    }
  }
}
