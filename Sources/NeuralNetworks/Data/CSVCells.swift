internal import Primitives

/// Turns the fields of a record into numbers.
struct CSVCells: Sendable {
  let schema: CSVSchema
  let layout: CSVLayout
  /// Classes by their text; empty where labels are whole numbers.
  let classes: [Bytes: Int32]

  /// Checks the number of fields and that each feature is a number.
  func check(_ records: CSVRecords) throws(DatasetError) {
    guard records.count == schema.columns else {
      throw .columnCount(records.count, expected: schema.columns, line: records.line)
    }
    for index in 0..<schema.columns where index != schema.targetIndex {
      _ = try feature(records, index)
    }
  }

  func readFeatures(
    _ records: CSVRecords, into place: UnsafeMutableBufferPointer<Float>
  ) throws(DatasetError) {
    // The file may have changed since it was checked.
    guard records.count == schema.columns else {
      throw .columnCount(records.count, expected: schema.columns, line: records.line)
    }
    var next = 0
    for index in 0..<schema.columns where index != schema.targetIndex {
      place[next] = try feature(records, index)
      next += 1
    }
  }

  func readTarget(
    _ records: CSVRecords, into place: UnsafeMutableRawPointer
  ) throws(DatasetError) {
    guard let index = schema.targetIndex else { return }
    if layout.target == .regression {
      place.storeBytes(of: try number(records, index), as: Float.self)
      return
    }
    let field = records.field(index)
    guard
      let label = classes.isEmpty
        ? CSVField.digits(field).map({ Int32($0) }) : classes[Bytes(field)]
    else { throw .labelText(CSVField.shown(field), line: records.line) }
    place.storeBytes(of: label, as: Int32.self)
  }

  private func feature(_ records: CSVRecords, _ index: Int) throws(DatasetError) -> Float {
    let number = try number(records, index) / layout.featureScale
    guard number.isFinite else {
      throw .number(
        CSVField.shown(records.field(index)), line: records.line, column: index + 1)
    }
    return number
  }

  private func number(_ records: CSVRecords, _ index: Int) throws(DatasetError) -> Float {
    let field = records.field(index)
    if let number = CSVField.decimal(field) { return number }
    let text = CSVField.shown(field)
    // A cell that says NaN may be a gap or a failed computation: its text is named.
    if CSVField.isMissing(field), text.lowercased() != "nan" {
      throw .missingValue(line: records.line, column: index + 1, name: name(of: index))
    }
    throw .number(text, line: records.line, column: index + 1)
  }

  private func name(of index: Int) -> String? {
    if index == schema.targetIndex { return schema.targetName }
    let place = schema.targetIndex.map { index > $0 ? index - 1 : index } ?? index
    return schema.featureNames.indices.contains(place) ? schema.featureNames[place] : nil
  }
}

/// Looks at every label once, to learn what the classes are.
struct CSVLabelScan {
  private let rule: CSVLayout.TargetRule
  private let schema: CSVSchema
  private var largest = 0
  private var largestRow = 0
  private var row = 0
  /// The first label that is no whole number.
  private var firstWord: (text: String, line: Int)?
  private var known: [Bytes: Int32] = [:]
  /// Every text that occurred; at most `classesMax`.
  private var words: Set<Bytes> = []
  private var names: [String]?

  init(rule: CSVLayout.TargetRule, schema: CSVSchema) {
    self.rule = rule
    self.schema = schema
    names = schema.classNames.flatMap { $0.isEmpty ? nil : $0 }
    if case .names(let given) = rule { names = given }
    for (index, name) in (names ?? []).enumerated() {
      known[Bytes("\(index)".utf8)] = Int32(index)
      known[Bytes(name.utf8)] = Int32(index)
    }
    // A name that looks like the number of another class stands for itself.
    for (index, name) in (names ?? []).enumerated() { known[Bytes(name.utf8)] = Int32(index) }
  }

  mutating func take(_ records: CSVRecords) throws(DatasetError) {
    guard let index = schema.targetIndex else { return }
    defer { row += 1 }
    let field = records.field(index)
    if rule == .regression {
      guard CSVField.decimal(field) == nil else { return }
      guard !CSVField.isMissing(field) else {
        throw .missingValue(line: records.line, column: index + 1, name: schema.targetName)
      }
      throw .number(CSVField.shown(field), line: records.line, column: index + 1)
    }
    if let names {
      guard known[Bytes(field)] != nil else {
        throw .unknownClass(CSVField.shown(field), line: records.line, known: names)
      }
      return
    }
    try takeLabel(field, line: records.line, column: index + 1)
  }

  private mutating func takeLabel(
    _ field: ArraySlice<UInt8>, line: Int, column: Int
  ) throws(DatasetError) {
    let number = CSVField.digits(field).flatMap { $0 < Dataset.Limits.classesMax ? $0 : nil }
    if let number {
      if number > largest { (largest, largestRow) = (number, row) }
    } else {
      guard case .detected = rule else {
        throw .labelText(CSVField.shown(field), line: line)
      }
      guard !CSVField.isMissing(field) else {
        throw .missingValue(line: line, column: column, name: schema.targetName)
      }
      if firstWord == nil { firstWord = (CSVField.shown(field), line) }
    }
    guard case .detected = rule else { return }
    let inserted = words.insert(Bytes(field)).inserted
    guard inserted else { return }
    guard field.count <= CSVLayout.nameBytesMax, words.count <= Dataset.Limits.classesMax,
      String(validating: field, as: UTF8.self) != nil
    else { throw .labelText(CSVField.shown(field), line: line) }
  }

  /// The target, the classes' names and their numbers by text.
  func finish() throws(DatasetError) -> (
    target: ExampleLayout.Target, names: [String]?, classes: [Bytes: Int32]
  ) {
    guard schema.targetIndex != nil else { return (.none, nil, [:]) }
    if rule == .regression { return (.numbers(width: 1), nil, [:]) }
    if let names {
      guard (1...Dataset.Limits.classesMax).contains(names.count) else {
        throw .classes(names.count)
      }
      return (.classes(names.count), names, known)
    }
    guard firstWord != nil else {
      guard case .wholeNumbers(let classes?) = rule else {
        return (.classes(largest + 1), nil, [:])
      }
      guard (1...Dataset.Limits.classesMax).contains(classes) else { throw .classes(classes) }
      guard largest < classes else { throw .label(largest, row: largestRow, classes: classes) }
      return (.classes(classes), nil, [:])
    }
    let sorted = words.sorted { $0.lexicographicallyPrecedes($1) }
    var numbers: [Bytes: Int32] = [:]
    for (index, word) in sorted.enumerated() { numbers[word] = Int32(index) }
    return (
      .classes(sorted.count), sorted.map { String(decoding: $0, as: UTF8.self) }, numbers
    )
  }
}
