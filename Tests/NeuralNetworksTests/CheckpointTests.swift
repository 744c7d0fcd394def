import Cryptography
import Primitives
import Testing

@testable import NeuralNetworks

@Suite struct CheckpointTests {
  private func example(slots: Int = 2) throws -> (ParameterLayout, Checkpoint) {
    let architecture = try ModelArchitecture(units: [3, 2])
    let state = TrainingState(
      parameters: ParameterBuffer((0..<8).map { Float($0) / 3 }),
      optimizer: (0..<8 * slots).map { -Float($0) / 7 }, step: 41)
    let checkpoint = Checkpoint(
      state: state, progress: TrainingProgress(randomBlocks: .max, epoch: 3, position: 16),
      configuration: ["note": "\"sha256\":\"", "seed": 7])
    return (architecture.layout, checkpoint)
  }

  @Test("a checkpoint survives its file", arguments: [0, 1, 2])
  func roundTrip(slots: Int) throws {
    let (layout, checkpoint) = try example(slots: slots)
    let bytes = checkpoint.encoded(for: layout)
    let file = try CheckpointFile(decoding: bytes)
    #expect(try file.state(for: layout, slots: slots) == checkpoint.state)
    #expect(file.progress == checkpoint.progress && file.step == 41)
    #expect(file.configuration == checkpoint.configuration)
    let names = try Safetensors.decode(bytes).map(\.name)
    #expect(names.count == 2 + 2 * slots && names[0] == "layers.0.kernel")
    #expect(slots == 0 || names[2] == "optimizer.0.layers.0.kernel")
  }

  @Test("a checkpoint that another program wrote from the definition is read, and written alike")
  func foreign() throws {
    let layout = try ModelArchitecture(units: [2, 3]).layout
    let bytes = try Reference.bytes("checkpoint.safetensors")
    let file = try CheckpointFile(decoding: bytes)
    let state = try file.state(for: layout, slots: 1)
    #expect(state.parameters.values == (0..<9).map { Float($0) / 4 })
    #expect(state.optimizer == (9..<18).map { Float($0) / 4 })
    #expect(file.progress == TrainingProgress(randomBlocks: 9, epoch: 3, position: 16))
    let again = Checkpoint(state: state, progress: file.progress, configuration: ["seed": 7])
    #expect(again.encoded(for: layout) == bytes)
  }

  @Test("every truncation and every flipped bit is refused")
  func damaged() throws {
    let (layout, checkpoint) = try example(slots: 1)
    let bytes = checkpoint.encoded(for: layout)
    for length in 0..<bytes.count {
      #expect(throws: SafetensorsError.self) {
        try CheckpointFile(decoding: Bytes(bytes.prefix(length)))
      }
    }
    // Each byte, each place of a bit.
    for bit in stride(from: 0, to: bytes.count * 8, by: 5) {
      var changed = bytes
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(throws: SafetensorsError.self, "bit \(bit)") {
        try CheckpointFile(decoding: changed)
      }
    }
  }

  @Test("a checkpoint of another model, of another optimizer or without counters is refused")
  func other() throws {
    let (layout, checkpoint) = try example()
    let file = try CheckpointFile(decoding: checkpoint.encoded(for: layout))
    #expect(throws: SafetensorsError.otherCount(expected: 4)) {
      try file.state(for: layout, slots: 1)
    }
    #expect(throws: SafetensorsError.missing(tensor: "optimizer.2.layers.0.kernel")) {
      try file.state(for: layout, slots: 3)
    }
    let wider = try ModelArchitecture(units: [3, 3]).layout
    #expect(throws: SafetensorsError.otherShape(tensor: "layers.0.kernel", expected: [3, 3])) {
      try file.state(for: wider, slots: 2)
    }
    let plain = checkpoint.state.parameters.safetensors(for: try ModelArchitecture(units: [3, 2]))
    #expect(throws: SafetensorsError.metadata("format")) { try CheckpointFile(decoding: plain) }
    // A cheat who writes a digest of his own still has to write proper counters.
    for (old, new) in [
      (#""step":"41""#, #""step":"-1""#), (#""epoch":"3""#, #""epoch":"x""#),
      (#""position":"16""#, #""position":"+6""#),
    ] {
      #expect(throws: SafetensorsError.metadata(String(old.dropFirst().prefix { $0 != "\"" }))) {
        try CheckpointFile(decoding: resealed(checkpoint.encoded(for: layout), old, new))
      }
    }
  }

  /// The file with a text of equal length replaced and its digest made anew.
  private func resealed(_ file: Bytes, _ old: String, _ new: String) throws -> Bytes {
    let text = String(decoding: file, as: UTF8.self)
    var changed = file
    let replace = { (old: Bytes, new: Bytes) in
      let start = changed.indices.first { changed[$0...].starts(with: old) }
      guard let start else { return }
      changed.replaceSubrange(start..<start + new.count, with: new)
    }
    #expect(text.contains(old))
    replace(
      Bytes(old.utf8), Bytes((new + String(repeating: " ", count: old.count - new.count)).utf8))
    let mark = Bytes("\"sha256\":\"".utf8)
    replace(mark, mark + Bytes(repeating: UInt8(ascii: "0"), count: 64))
    replace(mark, mark + Bytes(SHA256.hash(changed).hex.utf8))
    return changed
  }
}
