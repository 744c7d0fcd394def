/// Windows of a text for a language model: `length` tokens, and the token that follows each.
public struct TokenWindows: DatasetSource, Hashable {
  /// The tokens of the text.
  public let tokens: [Int32]
  /// The tokens of one window.
  public let length: Int
  /// From the start of one window to the next.
  public let stride: Int
  /// The number of different tokens.
  public let vocabulary: Int
  /// The number of windows.
  public let rows: Int

  /// Longest context; keeps the square of it, attention's memory, far inside Int.
  public static let lengthMax = 1 << 16

  /// Cuts a text into windows. The default stride is the length: each token is a target once.
  /// A rest too short for a window is left out.
  public init(
    _ tokens: [Int32], vocabulary: Int, length: Int, stride: Int? = nil
  ) throws(DatasetError) {
    let stride = stride ?? length
    guard (1...Self.lengthMax).contains(length), stride > 0 else { throw .inputs(length) }
    guard tokens.count <= CSVSource.rowsMax else { throw .tooLarge(values: tokens.count) }
    guard tokens.count > length else { throw .tooFewTokens(tokens.count, needed: length + 1) }
    guard vocabulary > 0 else { throw .vocabulary("it is empty") }
    for (place, token) in tokens.enumerated()
    where !(0..<Int32(clamping: vocabulary)).contains(token) {
      throw .label(Int(token), row: place, classes: vocabulary)
    }
    self.tokens = tokens
    self.length = length
    self.stride = stride
    self.vocabulary = vocabulary
    rows = (tokens.count - 1 - length) / stride + 1
  }

  /// Tokens in, tokens out.
  public var layout: ExampleLayout {
    ExampleLayout(
      inputShape: [length], input: .tokens(vocabulary: vocabulary),
      target: .tokens(vocabulary: vocabulary, length: length))
  }

  /// Copies windows.
  public func read(rows numbers: ArraySlice<Int32>, into batch: ExampleBatch) {
    let bytes = length * ExampleBatch.cellBytes
    tokens.withUnsafeBytes { source in
      for (index, number) in numbers.enumerated() {
        let start = Int(number) * stride * ExampleBatch.cellBytes
        let window = UnsafeRawBufferPointer(
          rebasing: source[start..<start + bytes + ExampleBatch.cellBytes])
        guard let base = window.baseAddress else { return }
        (batch.inputs + index * bytes).copyMemory(from: base, byteCount: bytes)
        if let targets = batch.targets {
          (targets + index * bytes).copyMemory(
            from: base + ExampleBatch.cellBytes, byteCount: bytes)
        }
      }
    }
  }
}
