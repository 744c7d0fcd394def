import Testing

@Suite("The dashboard's files")
struct AssetTests {
  private static let web = SourceTree.all.filter { $0.path.hasPrefix("Web/") }

  @Test("every file of Web/ is inside the binary, under the path the page asks for")
  func embedded() throws {
    let table = try #require(SourceTree.all.first { $0.path == "Sources/C/CAssets/assets.c" }).text
    #expect(!Self.web.isEmpty)
    for file in Self.web {
      let served = Self.address(of: file.path)
      #expect(table.contains("#embed \"../../../\(file.path)\""), "\(file.path)")
      #expect(table.contains("ASSET(\"\(served)\","), "\(file.path)")
    }
  }

  /// Pages have no ending in their addresses.
  private static func address(of path: String) -> String {
    let path = path.dropFirst("Web".count)
    if path == "/index.html" { return "/" }
    return String(path.hasSuffix(".html") ? path.dropLast(".html".count) : path)
  }

  @Test("the page loads nothing from elsewhere and makes no markup out of data")
  func selfContained() {
    let namespace = "http://www.w3.org/2000/svg"
    for file in Self.web {
      let text = file.text.replacing(namespace, with: "")
      for banned in ["http://", "https://", "innerHTML", "insertAdjacentHTML", "eval("] {
        #expect(!text.contains(banned), "\(file.path) contains \(banned)")
      }
    }
  }
}
