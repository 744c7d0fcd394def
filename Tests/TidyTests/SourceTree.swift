import FoundationEssentials

/// One text file of the repository.
struct SourceFile: Sendable {
  /// The path below the repository's root, such as `Sources/Ledger/Block.swift`.
  let path: String
  let text: String

  /// The file's lines, without their ends.
  var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }

  /// The number of line ends, which is what editors and `wc -l` show.
  var lineCount: Int { text.utf8.count { $0 == UInt8(ascii: "\n") } }

  /// The target that a path below `Sources/` belongs to.
  var target: String {
    let parts = path.split(separator: "/")
    return String(parts[1] == "C" || parts[1] == "System" ? parts[2] : parts[1])
  }

  /// The last part of the path without its ending.
  var name: String {
    let last = path.split(separator: "/").last ?? ""
    return String(last.prefix { $0 != "." })
  }
}

/// The repository as these tests read it: every text file, except what is built, fetched or ignored.
enum SourceTree {
  /// What no rule looks at: git's own folder, builds, fetched peers and copied libraries.
  private static let ignored: Set<String> = [
    ".git", ".build", ".peers", "vendor", "__pycache__",
  ]

  /// Files without readable text; everything else must be UTF-8.
  private static let binaryEndings = [
    ".gz", ".png", ".ico", ".bin", ".car", ".safetensors", ".pyc",
  ]

  /// Larger text files are data; no rule about prose or code applies to them.
  private static let textBytesMax = 1 << 20

  static let root: String = {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(3)
    return parts.joined(separator: "/")
  }()

  static let all: [SourceFile] = files(below: "")

  /// Our Swift sources, the part of the tree most rules are about.
  static let swiftSources = all.filter {
    $0.path.hasPrefix("Sources/") && $0.path.hasSuffix(".swift")
  }

  private static func files(below folder: String) -> [SourceFile] {
    let manager = FileManager.default
    let names = (try? manager.contentsOfDirectory(atPath: root + "/" + folder)) ?? []
    return names.sorted().filter { !ignored.contains($0) }.flatMap { name in
      let path = folder.isEmpty ? name : folder + "/" + name
      var isFolder = false
      guard manager.fileExists(atPath: root + "/" + path, isDirectory: &isFolder) else {
        return [SourceFile]()
      }
      return isFolder ? files(below: path) : file(at: path).map { [$0] } ?? []
    }
  }

  private static func file(at path: String) -> SourceFile? {
    if binaryEndings.contains(where: path.hasSuffix) || path.hasPrefix("Tests/Fuzz/corpus/") {
      return nil
    }
    guard let data = FileManager.default.contents(atPath: root + "/" + path),
      data.count <= textBytesMax
    else { return nil }
    return SourceFile(path: path, text: String(decoding: data, as: UTF8.self))
  }
}
