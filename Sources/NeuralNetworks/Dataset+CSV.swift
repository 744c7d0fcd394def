public import Primitives

/// How a CSV file becomes examples.
public struct CSVLayout: Hashable, Sendable {
  /// Features are divided by this: 16 for the digits' grey levels.
  public let featureScale: Float
  /// Labels are 0 ..< classes; nil takes the largest label that occurs.
  public let classes: Int?

  /// Longest line accepted: 65,536 features of 24 bytes.
  public static let lineBytesMax = 1_572_864

  /// Checks that the scale is positive and finite.
  public init(featureScale: Float = 1, classes: Int? = nil) {
    precondition(featureScale.isFinite && featureScale > 0)
    self.featureScale = featureScale
    self.classes = classes
  }
}

extension Dataset {
  /// Reads comma-separated decimal numbers, one example a line, the label in the last column.
  ///
  /// Strict: no header, quotes, spaces or empty lines; every line has as many columns as the
  /// first; a carriage return before the line feed is accepted. `bytes` may be anything.
  public init(csv bytes: Bytes, layout: CSVLayout = CSVLayout()) throws(DatasetError) {
    var reader = CSVReader(layout: layout)
    var start = 0
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: CSVReader.lineFeed) ?? bytes.count
      let hasReturn = end > start && bytes[end - 1] == CSVReader.carriageReturn
      try reader.read(bytes[start..<(hasReturn ? end - 1 : end)])
      start = end + 1
    }
    guard let columns = reader.columns else { throw .empty }
    let classes = layout.classes ?? Int(reader.labels.max() ?? 0) + 1
    try self.init(
      features: reader.features, labels: reader.labels, inputs: columns - 1, classes: classes)
  }
}

/// Collects rows line by line.
private struct CSVReader {
  static let lineFeed = UInt8(ascii: "\n")
  static let carriageReturn = UInt8(ascii: "\r")
  private static let comma = UInt8(ascii: ",")
  private let layout: CSVLayout
  private var line = 0
  private(set) var columns: Int?
  private(set) var features: [Float] = []
  private(set) var labels: [Int32] = []

  init(layout: CSVLayout) { self.layout = layout }

  mutating func read(_ text: ArraySlice<UInt8>) throws(DatasetError) {
    line += 1
    guard text.count <= CSVLayout.lineBytesMax else {
      throw .lineTooLong(line: line, limit: CSVLayout.lineBytesMax)
    }
    let fields = text.split(separator: Self.comma, omittingEmptySubsequences: false)
    let expected = columns ?? max(2, fields.count)
    guard fields.count == expected, let label = fields.last else {
      throw .columnCount(fields.count, expected: expected, line: line)
    }
    columns = expected
    guard features.count + expected <= Dataset.Limits.valuesMax else {
      throw .tooLarge(values: features.count + expected)
    }
    for (index, field) in fields.dropLast().enumerated() {
      guard let number = decimal(field) else {
        throw .number(shown(field), line: line, column: index + 1)
      }
      features.append(number / layout.featureScale)
    }
    guard let number = digits(label), number < Dataset.Limits.classesMax else {
      throw .labelText(shown(label), line: line)
    }
    labels.append(Int32(number))
  }

  /// A whole number of at most nine digits.
  private func digits(_ field: ArraySlice<UInt8>) -> Int? {
    guard (1...9).contains(field.count) else { return nil }
    var number = 0
    for byte in field {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
      number = number * 10 + Int(byte - UInt8(ascii: "0"))
    }
    return number
  }

  /// A finite decimal number: no `nan`, `inf`, hexadecimal or spaces. Whole numbers take the
  /// quick way.
  private func decimal(_ field: ArraySlice<UInt8>) -> Float? {
    if let whole = digits(field) { return Float(whole) }
    let allowed = field.allSatisfy {
      switch $0 {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"),
        UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"):
        true
      default: false
      }
    }
    guard allowed, field.count <= 64,
      let number = Float(String(decoding: field, as: UTF8.self)), number.isFinite
    else { return nil }
    return number
  }

  /// A field as it may be shown in an error: short and printable.
  private func shown(_ field: ArraySlice<UInt8>) -> String {
    let printable = field.prefix(24).map { (0x20...0x7e).contains($0) ? $0 : UInt8(ascii: "?") }
    return String(decoding: printable, as: UTF8.self)
  }
}

/// Fuzz entry: any bytes give a data set or a `DatasetError`.
package func fuzzDatasetCSV(_ bytes: Bytes) {
  _ = try? Dataset(csv: bytes, layout: CSVLayout(featureScale: 16, classes: 10))
}
