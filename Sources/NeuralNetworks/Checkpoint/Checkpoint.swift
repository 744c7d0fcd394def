internal import Cryptography
public import Primitives

/// A stopped training run as a safetensors file that every safetensors reader opens.
///
/// Parameters have the names of the model's layout; slot i of the optimizer's state has the names
/// of the trainable tensors behind "optimizer.i.". The metadata hold the counters, a configuration
/// that is the caller's, and a SHA-256 over the whole file with the digest's own 64 digits written
/// as zeros. So nothing of a damaged or shortened file is ever used.
public struct Checkpoint: Equatable, Sendable {
  /// Parameters, optimizer state and steps done.
  public let state: TrainingState
  /// The counters at this step.
  public let progress: TrainingProgress
  /// What the caller needs to go on: model, data, seeds.
  public let configuration: JSONValue

  static let format = "martlet-checkpoint-1"
  static let digestName = "sha256"
  private static let zeros = Bytes(repeating: UInt8(ascii: "0"), count: 64)
  private static let mark = Bytes("\"\(digestName)\":\"".utf8)

  /// Takes the parts of a run.
  public init(state: TrainingState, progress: TrainingProgress, configuration: JSONValue) {
    self.state = state
    self.progress = progress
    self.configuration = configuration
  }

  /// The file; the state fits `layout`.
  public func encoded(for layout: ParameterLayout) -> Bytes {
    let parameters = state.parameters.values
    precondition(parameters.count == layout.parameterCount)
    precondition(state.optimizer.count.isMultiple(of: max(1, layout.trainableCount)))
    var tensors = layout.tensors.map {
      Safetensors.Tensor(name: $0.name, shape: $0.sizes, values: Array(parameters[$0.range]))
    }
    for slot in 0..<state.optimizer.count / max(1, layout.trainableCount) {
      let start = slot * layout.trainableCount
      tensors += layout.trainable.map {
        Safetensors.Tensor(
          name: "optimizer.\(slot).\($0.name)", shape: $0.sizes,
          values: Array(state.optimizer[start + $0.offset..<start + $0.range.upperBound]))
      }
    }
    var file = Safetensors.encode(
      tensors,
      metadata: [
        .init(Self.digestName, .string(String(decoding: Self.zeros, as: UTF8.self))),
        .init("format", .string(Self.format)),
        .init("step", .string("\(state.step)")),
        .init("random_blocks", .string("\(progress.randomBlocks)")),
        .init("epoch", .string("\(progress.epoch)")),
        .init("position", .string("\(progress.position)")),
        .init("configuration", .string(String(decoding: configuration.encoded(), as: UTF8.self))),
      ])
    if let place = Self.digestPlace(in: file) {
      file.replaceSubrange(place, with: Bytes(SHA256.hash(file).hex.utf8))
    }
    return file
  }

  /// Where the digest's digits stand. Inside a JSON string the mark's quotes would have
  /// backslashes, so the first mark is the metadata's own, which come first.
  private static func digestPlace(in file: Bytes) -> Range<Int>? {
    guard
      let start = file.indices.dropFirst(8).first(where: { file[$0...].starts(with: mark) })
    else { return nil }
    let first = start + mark.count
    return first + zeros.count <= file.count ? first..<first + zeros.count : nil
  }
}

/// A checkpoint whose bytes are those that were written; its content is compared with a model next.
public struct CheckpointFile: Sendable {
  /// What the caller wrote.
  public let configuration: JSONValue
  /// Steps done.
  public let step: Int
  /// The counters at this step.
  public let progress: TrainingProgress
  private let tensors: [Safetensors.Tensor]

  /// Checks the whole file.
  public init(decoding file: Bytes) throws(SafetensorsError) {
    let (tensors, metadata) = try Safetensors.decodeWithMetadata(file)
    guard metadata["format"] == Checkpoint.format else { throw .metadata("format") }
    try Checkpoint.checkDigest(of: file, expected: metadata[Checkpoint.digestName])
    func number(_ name: String, max: UInt64 = UInt64(Int.max)) throws(SafetensorsError) -> UInt64 {
      guard let text = metadata[name], let number = UInt64(text), number <= max,
        text == "\(number)"
      else { throw .metadata(name) }
      return number
    }
    step = Int(try number("step"))
    progress = TrainingProgress(
      randomBlocks: try number("random_blocks", max: .max), epoch: Int(try number("epoch")),
      position: Int(try number("position")))
    guard let text = metadata["configuration"],
      let json = try? JSONValue(
        parsing: Bytes(text.utf8), bytesMax: Safetensors.headerBytesAccepted)
    else { throw .metadata("configuration") }
    configuration = json
    self.tensors = tensors
  }

  /// The state, if names and sizes are exactly those of a model and an optimizer of `slots` slots.
  public func state(
    for layout: ParameterLayout, slots: Int
  ) throws(SafetensorsError) -> TrainingState {
    var known: [String: Safetensors.Tensor] = [:]
    for tensor in tensors { known[tensor.name] = tensor }
    func values(
      _ places: [ParameterTensor], prefix: String
    ) throws(SafetensorsError) -> [Float] {
      var values: [Float] = []
      for place in places {
        guard let tensor = known[prefix + place.name] else {
          throw .missing(tensor: prefix + place.name)
        }
        guard tensor.shape == place.sizes else {
          throw .otherShape(tensor: prefix + place.name, expected: place.sizes)
        }
        values += tensor.values
      }
      return values
    }
    let parameters = try values(layout.tensors, prefix: "")
    var optimizer: [Float] = []
    for slot in 0..<slots {
      optimizer += try values(layout.trainable, prefix: "optimizer.\(slot).")
    }
    let count = layout.tensors.count + slots * layout.trainable.count
    guard tensors.count == count else { throw .otherCount(expected: count) }
    return TrainingState(
      parameters: ParameterBuffer(parameters), optimizer: optimizer, step: step)
  }
}

extension Checkpoint {
  fileprivate static func checkDigest(
    of file: Bytes, expected: String?
  ) throws(SafetensorsError) {
    guard let expected, expected.utf8.count == zeros.count, let place = digestPlace(in: file),
      file[place].elementsEqual(expected.utf8)
    else { throw .metadata(digestName) }
    var plain = file
    plain.replaceSubrange(place, with: zeros)
    guard SHA256.hash(plain).hex == expected else { throw .checksum }
  }
}

extension ParameterLayout {
  /// Tensors that an optimizer changes.
  var trainable: [ParameterTensor] { tensors.filter { $0.offset < trainableCount } }
}

/// Fuzz entry: any bytes give a checkpoint or a `SafetensorsError`.
package func fuzzCheckpoint(_ bytes: Bytes) {
  guard let file = try? CheckpointFile(decoding: bytes),
    let architecture = try? ModelArchitecture(units: [2, 3])
  else { return }
  _ = try? file.state(for: architecture.layout, slots: 1)
}
