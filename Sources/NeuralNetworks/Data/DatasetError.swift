/// Why data were refused. Lines and columns of text count from 1; rows of numbers from 0.
public enum DatasetError: Error, Equatable, Sendable {
  case empty
  case tooLarge(values: Int)
  case inputs(Int)
  case classes(Int)
  case featureCount(Int, rows: Int, inputs: Int)
  case label(Int, row: Int, classes: Int)
  case notFinite(row: Int, column: Int)
  case tooFewRows(Int, clients: Int)
  case otherInputs(Int, expected: Int)
  case otherClasses(Int, limit: Int)
  case columnCount(Int, expected: Int, line: Int)
  case number(String, line: Int, column: Int)
  case labelText(String, line: Int)
  case lineTooLong(line: Int, limit: Int)
  /// A cell without a value; `name` is the column's, if the file has a header.
  case missingValue(line: Int, column: Int, name: String?)
  case quote(line: Int)
  case unclosedQuote(line: Int)
  case unknownColumn(String, known: [String])
  case repeatedColumn(String)
  case unknownClass(String, line: Int, known: [String])
  /// Rows, or labels, are not as many as the file or its partner says.
  case rowCount(Int, expected: Int)
  case oneClass(String)
  case emptyPart(String, rows: Int)
  /// The header of a binary file breaks its format.
  case header(format: String, reason: String)
  case truncated(format: String, have: Int, need: Int)
  case trailingBytes(format: String, count: Int)
  case elementType(String, format: String)
  case shape([Int], expected: String)
  case noArray(String, known: [String])
  /// Bytes at this place are not UTF-8.
  case notText(offset: Int)
  case unknownCharacter(String, offset: Int)
  case tooFewTokens(Int, needed: Int)
  case vocabulary(String)
  /// The file could not be read; the reason is the operating system's.
  case unreadable(String)
}

extension DatasetError: CustomStringConvertible {
  /// One lower-case sentence that says where.
  public var description: String {
    switch self {
    case .empty: "the data set has no rows"
    case .tooLarge(let values):
      "\(values) values, the limit is \(Dataset.Limits.valuesMax)"
    case .inputs(let count): "\(count) features, expected 1 to \(Dataset.Limits.inputsMax)"
    case .classes(let count): "\(count) classes, expected 1 to \(Dataset.Limits.classesMax)"
    case .featureCount(let count, let rows, let inputs):
      "\(count) values for \(rows) rows of \(inputs) features"
    case .label(let label, let row, let classes):
      "row \(row) has the label \(label), expected 0 to \(classes - 1)"
    case .notFinite(let row, let column):
      "row \(row), feature \(column) is NaN, infinite or beyond Float32"
    case .tooFewRows(let rows, let clients): "\(rows) rows cannot be dealt to \(clients) clients"
    case .otherInputs(let count, let expected):
      "the data have \(count) features, the model has \(expected) inputs"
    case .otherClasses(let count, let limit):
      "the data have \(count) classes, the model has \(limit) outputs"
    case .rowCount(let count, let expected): "\(count) rows, expected \(expected)"
    case .oneClass(let name): "every row has the class `\(name)`"
    case .emptyPart(let part, let rows): "the \(part) part of \(rows) rows is empty"
    default: textDescription ?? binaryDescription
    }
  }

  private var textDescription: String? {
    switch self {
    case .columnCount(let count, let expected, let line):
      "line \(line) has \(count) columns, expected \(expected)"
    case .number(let text, let line, let column):
      "line \(line), column \(column): `\(text)` is not a finite decimal number"
    case .labelText(let text, let line): "line \(line): `\(text)` is not a label"
    case .lineTooLong(let line, let limit): "line \(line) is longer than \(limit) bytes"
    case .missingValue(let line, let column, let name):
      "line \(line), column \(column)\(name.map { " (`\($0)`)" } ?? "") has no value"
    case .quote(let line): "line \(line): text stands beside a quoted field"
    case .unclosedQuote(let line): "the quote that begins on line \(line) does not end"
    case .unknownColumn(let name, let known):
      "there is no column `\(name)`; the columns are \(listed(known))"
    case .repeatedColumn(let name): "two columns have the name `\(name)`"
    case .unknownClass(let name, let line, let known):
      "line \(line): the class `\(name)` is unknown; the classes are \(listed(known))"
    case .notText(let offset): "the bytes at \(offset) are not UTF-8"
    case .unknownCharacter(let character, let offset):
      "the character `\(character)` at \(offset) is not in the vocabulary"
    case .tooFewTokens(let count, let needed): "\(count) tokens, a window needs \(needed)"
    case .vocabulary(let reason): "the vocabulary is malformed: \(reason)"
    default: nil
    }
  }

  private var binaryDescription: String {
    switch self {
    case .header(let format, let reason): "the \(format) file is malformed: \(reason)"
    case .truncated(let format, let have, let need):
      "the \(format) file has \(have) bytes, its header needs \(need)"
    case .trailingBytes(let format, let count):
      "\(count) bytes follow the end of the \(format) file"
    case .elementType(let type, let format):
      "the \(format) file holds elements of the type \(type)"
    case .shape(let shape, let expected):
      "the array has the shape \(shape), expected \(expected)"
    case .noArray(let name, let known):
      "there is no array `\(name)`; the arrays are \(listed(known))"
    case .unreadable(let reason): "the file could not be read: \(reason)"
    default: "the data were refused"
    }
  }

  /// The first names of a list that may be long.
  private func listed(_ names: [String]) -> String {
    let shown = names.prefix(8).map { "`\($0)`" }.joined(separator: ", ")
    return names.count > 8 ? "\(shown) and \(names.count - 8) more" : shown
  }
}

extension DatasetError {
  /// What to do next, in one lower-case sentence.
  public var hint: String {
    switch self {
    case .empty: "the file needs at least one row of numbers"
    case .missingValue: "fill the cell or leave out the row; values are never guessed"
    case .number: "text columns must become numbers first, such as one column of 0 and 1 a word"
    case .columnCount, .quote, .unclosedQuote:
      "each line has one field a column; a field with commas stands in double quotes"
    case .unknownColumn, .repeatedColumn: "name the label column as the header writes it"
    case .unknownClass: "test data may only hold classes of the training data"
    case .label, .labelText, .classes: "labels are 0, 1, 2 … or words; compare the model's outputs"
    case .oneClass: "training needs at least two classes"
    case .emptyPart: "choose another split or give more rows"
    case .notFinite: "remove or replace the value; NaN and infinity are never trained on"
    case .elementType: "convert to float32, float64, int32, int64, uint8 or bool"
    case .truncated, .trailingBytes, .header: "the file is damaged or of another format"
    case .otherInputs, .otherClasses, .inputs:
      "compare the architecture in the model configuration with the data"
    case .noArray: "name one of the arrays of the archive"
    case .shape, .rowCount, .featureCount: "features and labels need one row an example"
    case .notText: "the text must be UTF-8"
    case .unknownCharacter, .vocabulary: "use the vocabulary that was saved with the model"
    case .tooFewTokens: "give a longer text or a shorter context"
    case .tooLarge, .lineTooLong: "split the file"
    case .tooFewRows: "take fewer clients"
    case .unreadable: "check the path and its permissions"
    }
  }
}
