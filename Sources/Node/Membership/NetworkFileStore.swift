internal import Glibc
package import Peering
package import Persistence
internal import Primitives

/// Why a network file could not be used.
package struct NetworkFileError: Error, Equatable, Sendable {
  /// The file.
  package let path: String
  /// What is wrong with it; nil where there is none.
  package let fault: NetworkFileFault?

  /// One lower-case sentence without a full stop.
  package var description: String {
    fault.map { "\(path) is no network file: \($0)" } ?? "there is no network file at \(path)"
  }

  /// The next step.
  package var hint: String {
    fault?.hint ?? "`martlet network join FILE` takes one in, `martlet network list` lists them"
  }
}

/// The networks of one home: `HOME/networks/NAME.json`.
package struct NetworkFileStore: Sendable {
  private static let folder = "networks"
  private static let ending = ".json"
  /// More files than anybody has in a home.
  private static let filesMax = 1_024

  private let home: HomeDirectory

  /// The networks of a home; nothing is touched.
  package init(home: HomeDirectory) { self.home = home }

  /// Where the network of this name is, or would be.
  package func path(of name: String) -> String {
    home.file("\(Self.folder)/\(name)\(Self.ending)")
  }

  /// Reads the network of a name.
  package func read(_ name: String) throws -> NetworkFile {
    guard NetworkFile.isName(name) else {
      throw NetworkFileError(path: path(of: name), fault: .name(name))
    }
    return try Self.read(at: path(of: name))
  }

  /// Reads a file anywhere.
  package static func read(at path: String) throws -> NetworkFile {
    guard let bytes = try AtomicFile.read(path, byteCountMax: NetworkFile.bytesMax) else {
      throw NetworkFileError(path: path, fault: nil)
    }
    do throws(NetworkFileFault) {
      return try NetworkFile(parsing: bytes)
    } catch {
      throw NetworkFileError(path: path, fault: error)
    }
  }

  /// The network that a name or the path of a file means: what holds a `/` or ends in `.json` is a
  /// path.
  package func find(_ word: String) throws -> NetworkFile {
    let isPath = word.contains("/") || word.hasSuffix(Self.ending)
    return isPath ? try Self.read(at: word) : try read(word)
  }

  /// Keeps a network under its name, for the owner's eyes only: it may hold a secret.
  package func write(_ file: NetworkFile) throws {
    try HomeDirectory(path: home.file(Self.folder)).create()
    try home.write(file.text, to: "\(Self.folder)/\(file.name)\(Self.ending)")
  }

  /// The names of the networks of the home, sorted.
  package var names: [String] {
    guard let directory = opendir(home.file(Self.folder)) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory), names.count < Self.filesMax {
      let file = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      let name = String(file.dropLast(Self.ending.count))
      if file.hasSuffix(Self.ending), NetworkFile.isName(name) { names.append(name) }
    }
    return names.sorted()
  }
}
