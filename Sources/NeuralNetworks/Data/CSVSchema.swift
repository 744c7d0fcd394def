internal import Primitives

/// The columns of a CSV file, found from its first two records.
struct CSVSchema: Hashable, Sendable {
  /// Names of the feature columns, empty without a header.
  let featureNames: [String]
  /// The name of the target column.
  let targetName: String?
  /// Class names of a line of counts.
  let classNames: [String]?
  /// Rows that a line of counts promises.
  let promisedRows: Int?
  /// Columns of every record.
  let columns: Int
  /// The target's place, nil when there is none.
  let targetIndex: Int?
  /// Whether the first record holds no example.
  let skipsFirst: Bool

  /// Features of one example.
  var features: Int { targetIndex == nil ? columns : columns - 1 }

  init(_ source: ByteSource, layout: CSVLayout) throws(DatasetError) {
    var records = try CSVRecords(source, separator: layout.separator)
    guard try records.next() else { throw .empty }
    let first = (0..<records.count).map { Bytes(records.field($0)) }
    let hasSecond = try records.next()
    let second = hasSecond ? records.count : 0
    let counts =
      layout.header == .detected && hasSecond && first.count != second
      ? Self.counts(first, columns: second) : nil
    columns = counts == nil ? first.count : second
    promisedRows = counts?.rows
    classNames = counts?.names
    let names =
      counts == nil && Self.isHeader(first, layout: layout) ? try Self.names(first) : nil
    skipsFirst = counts != nil || names != nil
    targetIndex = try Self.targetIndex(layout, columns: columns, names: names)
    let target = targetIndex
    targetName = target.flatMap { names?[$0] }
    featureNames = names?.enumerated().filter { $0.offset != target }.map(\.element) ?? []
    guard (1...Dataset.Limits.inputsMax).contains(features) else {
      throw .columnCount(columns, expected: 2, line: 1)
    }
  }

  /// `rows,features,class…` above records of features + 1 columns.
  private static func counts(_ first: [Bytes], columns: Int) -> (rows: Int, names: [String])? {
    guard first.count >= 2, let rows = CSVField.digits(first[0][...]),
      let features = CSVField.digits(first[1][...]), features + 1 == columns
    else { return nil }
    let names = first.dropFirst(2).compactMap { String(validating: $0, as: UTF8.self) }
    return names.count == first.count - 2 && Set(names).count == names.count
      ? (rows, names) : nil
  }

  private static func isHeader(_ first: [Bytes], layout: CSVLayout) -> Bool {
    switch layout.header {
    case .present: return true
    case .absent: return false
    case .detected:
      if case .named = layout.targetColumn { return true }
      let features = layout.target == .none ? first[...] : first.dropLast()
      return !features.isEmpty
        && features.allSatisfy { field in
          !CSVField.isMissing(field[...]) && CSVField.decimal(field[...]) == nil
        }
    }
  }

  private static func names(_ first: [Bytes]) throws(DatasetError) -> [String] {
    var names: [String] = []
    for (index, field) in first.enumerated() {
      guard field.count <= CSVLayout.nameBytesMax,
        let name = String(validating: field, as: UTF8.self)
      else { throw .labelText(CSVField.shown(field[...]), line: 1) }
      guard !name.isEmpty else { throw .missingValue(line: 1, column: index + 1, name: nil) }
      names.append(name)
    }
    var seen: Set<String> = []
    for name in names where !seen.insert(name).inserted { throw .repeatedColumn(name) }
    return names
  }

  private static func targetIndex(
    _ layout: CSVLayout, columns: Int, names: [String]?
  ) throws(DatasetError) -> Int? {
    guard layout.target != .none else { return nil }
    switch layout.targetColumn {
    case .last: return columns - 1
    case .named(let name):
      guard let index = names?.firstIndex(of: name) else {
        throw .unknownColumn(name, known: names ?? [])
      }
      return index
    }
  }
}

/// How one field is read.
enum CSVField {
  /// What programs write where a value is missing (pandas' default list, shortened).
  private static let missing: Set<Bytes> = Set(
    ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "?"].map { Bytes($0.utf8) })
  private static let longestMissing = 4
  /// A Float32 needs at most 9 digits, a Float64 17; longer text is no number by intent.
  private static let numberBytesMax = 64

  static func isMissing(_ field: ArraySlice<UInt8>) -> Bool {
    field.count <= longestMissing && missing.contains(Bytes(field))
  }

  /// A whole number of at most nine digits.
  static func digits(_ field: ArraySlice<UInt8>) -> Int? {
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
  static func decimal(_ field: ArraySlice<UInt8>) -> Float? {
    if let whole = digits(field) { return Float(whole) }
    let allowed = field.allSatisfy {
      switch $0 {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"),
        UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"):
        true
      default: false
      }
    }
    guard allowed, field.count <= numberBytesMax,
      let number = Float(String(decoding: field, as: UTF8.self)), number.isFinite
    else { return nil }
    return number
  }

  /// A field as it may be shown in an error: short and printable.
  static func shown(_ field: ArraySlice<UInt8>) -> String {
    let printable = field.prefix(24).map { (0x20...0x7e).contains($0) ? $0 : UInt8(ascii: "?") }
    return String(decoding: printable, as: UTF8.self)
  }
}
