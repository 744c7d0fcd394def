import ContentStore
import Cryptography
import Primitives
import Testing

/// One directory of Tests/Vectors/ipfs-directories.json; the sources are named there.
struct DirectoryVector: Sendable, CustomTestStringConvertible {
  let profile: String
  let names: [Bytes]
  let cid: String
  let tsize: UInt64
  /// Kubo before 0.40 sharded at the threshold, not above it: documented, and not what we do.
  let isOfOldKubo: Bool

  var testDescription: String { "\(profile), \(names.count) names, \(cid)" }

  static let document = TestFile.json("Vectors/ipfs-directories.json")
  static let all = document["vectors"]!.elements!
    .filter { $0["kind"]?.text == "directory" }.map { DirectoryVector($0) }

  private init(_ json: JSONValue) {
    profile = json["profile"]!.text!
    cid = json["cid"]!.text!
    tsize = UInt64(json["tsize"]!.integer!)
    isOfOldKubo = json["settings"]!.text!.contains("HAMT at >= threshold")
    let recipe = json["recipe"]!
    if let seed = recipe["seed"]?.text {
      names = Self.names(
        seed: seed, count: Int(recipe["files"]!.integer!), length: Int(recipe["nameLen"]!.integer!),
        lastLength: Int(recipe["lastNameLen"]!.integer!))
    } else if recipe["empty"] != nil {
      names = []
    } else {
      let text = recipe["names"]!.text!
      let list = text.hasPrefix("x ") ? ["x"] : ["a", "b", "c", "Z", "\u{e9}", "0"]
      names = list.map { Bytes($0.utf8) }
    }
  }

  private static func names(seed: String, count: Int, length: Int, lastLength: Int) -> [Bytes] {
    let alphabet = Bytes("abcdefghijklmnopqrstuvwxyz01234567890-_".utf8)
    let stream = ChaCha20Stream(key: SHA256.hash(Bytes(seed.utf8)))
    return (1...count).map { number in
      stream.next(number == count ? lastLength : length).map { alphabet[Int($0) % alphabet.count] }
    }
  }

  var profileLayouts: (file: UnixFSLayout, directory: UnixFSDirectoryLayout) {
    let profile: UnixFSProfile = profile == "v0" ? .v0In2015 : .v1In2025
    return (profile.layout, profile.directoryLayout)
  }

  /// Writes the directory, and one with a name of one byte more when that is asked for.
  func built(longer: Bool = false) throws -> (root: UnixFSFile, blocks: [ContentBlock]) {
    let (file, directory) = profileLayouts
    let (leaf, subtree) = file.leaf(Bytes("x".utf8))
    var names = names
    if longer { names[names.count - 1].append(UInt8(ascii: "x")) }
    var builder = UnixFSDirectoryBuilder(directory)
    for name in names {
      try builder.add(UnixFSEntry(name: name, cid: subtree.cid, tsize: subtree.tsize))
    }
    var blocks = [leaf]
    let root = try builder.finish(into: &blocks)
    return (root, blocks)
  }
}
