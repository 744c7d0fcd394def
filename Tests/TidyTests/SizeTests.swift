import Testing

/// The limits of the style guide: an aim that only a listed file may miss, and an end nobody may pass.
private enum SizeLimit {
  static let fileLinesAim = 300
  static let fileLinesMax = 500
  static let functionLinesAim = 40
  static let functionLinesMax = 70
  static let columnsMax = 100
}

/// Files and functions that are over the aim on purpose, each with its reason. A function is
/// written `path:name`. An entry that is no longer needed fails the test.
private let overTheAim: [String: String] = [:]

@Suite("Sources stay small")
struct SizeTests {
  private static let code = SourceTree.all.filter { file in
    let isCode = [".swift", ".c", ".h", ".js", ".css"].contains(where: file.path.hasSuffix)
    return isCode && (file.path.hasPrefix("Sources/") || file.path.hasPrefix("Web/"))
  }

  @Test("no file is longer than the aim, except the listed ones")
  func fileLength() {
    for file in Self.code where file.lineCount > SizeLimit.fileLinesAim {
      #expect(overTheAim[file.path] != nil, "\(file.path) has \(file.lineCount) lines")
      #expect(file.lineCount <= SizeLimit.fileLinesMax, "\(file.path) is over the hard limit")
    }
  }

  @Test("no function is longer than the aim, except the listed ones")
  func functionLength() {
    for file in SourceTree.swiftSources {
      for function in functions(in: SwiftTokens.tokens(of: file.text))
      where function.lineCount > SizeLimit.functionLinesAim {
        let place = "\(file.path):\(function.name)"
        #expect(overTheAim[place] != nil, "\(place) has \(function.lineCount) lines")
        #expect(function.lineCount <= SizeLimit.functionLinesMax, "\(place) is over the hard limit")
      }
    }
  }

  @Test("no line is wider than the limit")
  func lineWidth() {
    for file in SourceTree.swiftSources {
      for (index, line) in file.lines.enumerated() where line.count > SizeLimit.columnsMax {
        Issue.record("\(file.path):\(index + 1) has \(line.count) columns")
      }
    }
  }

  @Test("every exception is still needed")
  func exceptions() {
    let long = Self.code.filter { $0.lineCount > SizeLimit.fileLinesAim }.map(\.path)
    let longFunctions = SourceTree.swiftSources.flatMap { file in
      functions(in: SwiftTokens.tokens(of: file.text))
        .filter { $0.lineCount > SizeLimit.functionLinesAim }.map { "\(file.path):\($0.name)" }
    }
    for place in overTheAim.keys.sorted() {
      #expect((long + longFunctions).contains(place), "\(place) is listed without need")
    }
  }

  @Test("a function is measured from its first word to its closing brace")
  func measuring() {
    let tokens = SwiftTokens.tokens(
      of: """
        protocol P {
          func required() -> [Int]
          init(x: Int)
        }
        struct S: P {
          func long(a: () -> Void = {}) {
            let text = "}}}" // }
            if true { print(text) }
          }
          init?(y: Int) { nil }
        }
        """)
    #expect(
      functions(in: tokens) == [
        FunctionShape(name: "long", line: 6, lineCount: 4),
        FunctionShape(name: "init", line: 10, lineCount: 1),
      ])
  }
}
