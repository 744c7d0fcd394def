import Testing

/// Endings of file and type names that say nothing about what is inside.
private let emptyNames = [
  "Utils", "Util", "Helper", "Helpers", "Manager", "Common", "Core", "Misc", "Service", "V2",
  "Legacy",
]

/// Beginnings that speak of history instead of purpose.
private let historicalNames = ["Enhanced", "Advanced", "Improved"]

/// Package registries and mirrors, in two parts so that this file does not name one itself.
private let registryHosts = [
  ("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("crates", "io"),
  ("rubygems", "org"), ("proxy.golang", "org"), ("deb.debian", "org"), ("jsdelivr", "net"),
  ("unpkg", "com"), ("cdnjs.cloudflare", "com"), ("docker", "io"), ("ghcr", "io"),
]

@Suite("Wording")
struct WordingTests {
  @Test("every public and package declaration says what it is")
  func documentation() {
    for file in SourceTree.swiftSources {
      for line in undocumentedLines(in: file, tokens: SwiftTokens.tokens(of: file.text)) {
        Issue.record("\(file.path):\(line) is not documented")
      }
    }
  }

  @Test("a missing line of documentation is noticed")
  func documentationIsNoticed() {
    let file = SourceFile(
      path: "Sources/Ledger/Sample.swift",
      text: """
        /// A sample.
        @frozen
        public struct Sample {
          package let first: Int
          /// The second.
          @inlinable public var second: Int { 2 }
          public static func == (a: Self, b: Self) -> Bool { true }
          package func third() {}
        }
        """)
    let tokens = SwiftTokens.tokens(of: file.text)
    #expect(undocumentedLines(in: file, tokens: tokens) == [4, 8])
  }

  @Test("files and types are named for what they hold")
  func names() {
    for file in SourceTree.swiftSources {
      #expect(!isEmpty(name: file.name), "\(file.path) has a name that says nothing")
      for name in typeNames(in: SwiftTokens.tokens(of: file.text)) where isEmpty(name: name) {
        Issue.record("\(file.path): \(name) is a name that says nothing")
      }
    }
  }

  private func isEmpty(name: String) -> Bool {
    emptyNames.contains(where: name.hasSuffix) || historicalNames.contains(where: name.hasPrefix)
  }

  private func typeNames(in tokens: [Token]) -> [String] {
    let kinds = ["struct", "enum", "class", "actor", "protocol", "typealias"]
    return tokens.indices.dropLast().filter { kinds.contains(tokens[$0].text) }
      .map { tokens[$0 + 1].text }
  }

  @Test("no file names a package registry")
  func registries() {
    expectNowhere(registryHosts.map { $0.0 + "." + $0.1 })
  }

  @Test("nothing points outside the repository")
  func outside() {
    expectNowhere(["../" + "shared", "/" + "work/"])
  }

  @Test("no source carries a mark of unfinished work")
  func unfinished() {
    let marks = ["TO" + "DO", "FIX" + "ME", "not " + "implemented"]
    expectNowhere(marks) { $0.hasPrefix("Sources/") || $0.hasPrefix("Web/") }
  }

  @Test("full Foundation, traps and tasks without a parent stay out of the product")
  func language() {
    let banned = [
      ["import", "Foundation"], ["Task", ".", "detached"],
    ]
    for file in SourceTree.swiftSources {
      let tokens = SwiftTokens.tokens(of: file.text)
      for sequence in banned {
        for line in lines(in: tokens, with: sequence) {
          Issue.record("\(file.path):\(line): \(sequence.joined(separator: " "))")
        }
      }
      #expect(!file.text.contains("try" + "! "), "\(file.path) traps where it could throw")
    }
  }

  private func expectNowhere(
    _ texts: [String], in isChecked: (String) -> Bool = { _ in true },
    location: SourceLocation = #_sourceLocation
  ) {
    for file in SourceTree.all where isChecked(file.path) {
      for text in texts where file.text.contains(text) {
        Issue.record("\(file.path) contains \(text)", sourceLocation: location)
      }
    }
  }
}
