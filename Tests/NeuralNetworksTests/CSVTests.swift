import Primitives
import Testing

@testable import NeuralNetworks

private func layout(
  _ target: CSVLayout.TargetRule = .detected, column: CSVLayout.TargetColumn = .last
) -> CSVLayout {
  CSVLayout(header: .detected, targetColumn: column, target: target)
}

private func source(_ text: String, _ layout: CSVLayout) throws(DatasetError) -> CSVSource {
  try CSVSource(ByteSource(Bytes(text.utf8)), layout: layout)
}

@Suite struct CSVTests {
  @Test("a header is found, and words become classes in the order of their bytes")
  func words() throws {
    var data = try source(
      "length,width,species\r\n1,2,setosa\r\n3,4,\"iris, blue\"\n5,6,setosa\n", layout())
    #expect(data.featureNames == ["length", "width"] && data.targetName == "species")
    #expect(data.classNames == ["iris, blue", "setosa"])
    #expect(data.layout == ExampleLayout(inputShape: [2], target: .classes(2)))
    let table = try data.table()
    #expect(table.inputs == .numbers([1, 2, 3, 4, 5, 6]))
    #expect(table.targets == .classes([1, 0, 1], count: 2))
  }

  @Test("the classes do not depend on the order of the rows, and a test file may lack some")
  func mapping() throws {
    let one = try source("1,b\n2,a\n3,c\n", layout())
    let other = try source("3,c\n1,b\n2,a\n", layout())
    #expect(one.classNames == other.classNames && one.classNames == ["a", "b", "c"])
    var test = try source("9,c\n", layout(.names(["a", "b", "c"])))
    #expect(try test.table().targets == .classes([2], count: 3))
    #expect(throws: DatasetError.unknownClass("d", line: 2, known: ["a", "b", "c"])) {
      try source("1,a\n9,d\n", layout(.names(["a", "b", "c"])))
    }
  }

  @Test("the target may be a named column, a number to predict, or absent")
  func targets() throws {
    let text = "price,size,rooms\n10.5,1,2\n-3,4,5\n"
    var regression = try source(text, layout(.regression, column: .named("price")))
    let table = try regression.table()
    #expect(table.inputs == .numbers([1, 2, 4, 5]))
    #expect(table.targets == .numbers([10.5, -3], width: 1))
    #expect(regression.featureNames == ["size", "rooms"])
    var plain = try source(text, layout(.none))
    #expect(try plain.table().inputs == .numbers([10.5, 1, 2, -3, 4, 5]))
    #expect(plain.layout.target == .none && plain.layout.targets == 0)
    #expect(throws: DatasetError.unknownColumn("cost", known: ["price", "size", "rooms"])) {
      try source(text, layout(column: .named("cost")))
    }
  }

  @Test("a line of counts names the classes and promises the rows")
  func counts() throws {
    let data = try source("3,2,bad,good\n1,2,0\n3,4,1\n5,6,0\n", layout())
    #expect(data.classNames == ["bad", "good"] && data.rows == 3 && data.featureNames.isEmpty)
    #expect(throws: DatasetError.rowCount(2, expected: 3)) {
      try source("3,2,bad,good\n1,2,0\n3,4,1\n", layout())
    }
    #expect(throws: DatasetError.unknownClass("2", line: 3, known: ["bad", "good"])) {
      try source("2,2,bad,good\n1,2,0\n3,4,2\n", layout())
    }
  }

  @Test(
    "a mistake is named with its place",
    arguments: [
      ("a,b,c\n1,,0\n", DatasetError.missingValue(line: 2, column: 2, name: "b")),
      ("a,b,c\n1,NA,0\n", .missingValue(line: 2, column: 2, name: "b")),
      ("a,b,c\n1,2,\n3,4,x\n", .missingValue(line: 2, column: 3, name: "c")),
      ("1,2,0\n1,red,1\n", .number("red", line: 2, column: 2)),
      ("1,2,0\n1,1\n", .columnCount(2, expected: 3, line: 2)),
      ("a,a,b\n1,2,0\n", .repeatedColumn("a")),
      ("a,b,c\n", .empty),
      ("\u{feff}", .empty),
      ("1,\"2,0\n1,2,1\n", .unclosedQuote(line: 1)),
      ("1,\"2\"x,0\n", .quote(line: 1)),
      ("1,2\"2,0\n", .quote(line: 1)),
      ("\"1\n2\",3,0\n4,,1\n", .number("1?2", line: 1, column: 1)),
      ("1,2,\"a\nb\"\n4,,c\n", .missingValue(line: 3, column: 2, name: nil)),
    ])
  func mistakes(text: String, error: DatasetError) {
    #expect(throws: error) { try source(text, layout()) }
    #expect(!error.description.isEmpty && !error.hint.isEmpty)
  }

  @Test("one class alone is refused for training")
  func oneClass() throws {
    let data = try source("1,yes\n2,yes\n", layout())
    #expect(throws: DatasetError.oneClass("yes")) {
      try data.checkTrainable(classNames: data.classNames ?? [])
    }
    try source("1,yes\n2,no\n", layout()).checkTrainable()
    #expect(throws: DatasetError.oneClass("3")) {
      try source("1,3\n2,3\n", layout()).checkTrainable()
    }
  }

  @Test("rows read in any order from a file in small pieces are those of the whole file")
  func streaming() throws {
    var random = SplitMix64(seed: 3)
    var text = "\u{feff}x,y,kind\n"
    for row in 0..<5_000 {
      let gap = row.isMultiple(of: 7) ? "\"\(row)\"" : "\(row)"
      text += "\(gap),\(Double(row) / 8),\(row % 3 == 0 ? "\"two\nlines\"" : "one")\r\n"
    }
    var data = try source(text, layout())
    let whole = try data.table()
    #expect(data.rows == 5_000 && data.classNames == ["one", "two\nlines"])
    var order = (0..<Int32(5_000)).map { $0 }
    order.shuffle(using: &random)
    for start in stride(from: 0, to: 5_000, by: 499) {
      let rows = order[start..<min(start + 499, 5_000)]
      var expected = whole
      #expect(try data.table(rows: rows) == expected.table(rows: rows))
    }
    #expect(try data.contentDigest() == whole.contentDigest())
  }

  @Test("every truncation and many flipped bits give an error or other numbers, never a trap")
  func damaged() throws {
    let bytes = Bytes("a,b,kind\n1,2.5,x\n\"3\",4e1,\"y\"\"\"\n".utf8)
    for length in 0..<bytes.count - 1 {
      guard var part = try? CSVSource(ByteSource(Bytes(bytes.prefix(length))), layout: layout())
      else { continue }
      #expect(try part.table().rows == 1 || part.classNames != ["x", "y\""], "\(length)")
    }
    for bit in 0..<bytes.count * 8 {
      var changed = bytes
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      fuzzDatasetCSV(changed)
    }
  }
}
