public import Primitives

/// One entry of a directory.
public struct UnixFSEntry: Equatable, Sendable {
  /// The name as its UTF-8 bytes: two spellings of one letter are two names.
  public let name: Bytes
  /// What the entry is.
  public let cid: CID
  /// The bytes of all its blocks, duplicates counted again.
  public let tsize: UInt64

  /// Makes an entry.
  public init(name: Bytes, cid: CID, tsize: UInt64) {
    self.name = name
    self.cid = cid
    self.tsize = tsize
  }

  /// Makes an entry of what a builder returned.
  public init(name: String, _ file: UnixFSFile) {
    self.init(name: Bytes(name.utf8), cid: file.cid, tsize: file.tsize)
  }

  /// The name for people.
  public var text: String { String(decoding: name, as: UTF8.self) }
}

/// Which names an entry of a directory may have.
public enum UnixFSName {
  /// The longest name of the usual Linux file systems (NAME_MAX).
  public static let byteCountMax = 255

  /// Throws unless `name` is safe as the last part of a path on a disk.
  ///
  /// Foreign directories may hold any name: a file tree is written only after this check.
  public static func check(_ name: Bytes) throws(ContentError) {
    func refusal(_ reason: String) -> ContentError {
      .unsafeName(String(decoding: name.prefix(byteCountMax), as: UTF8.self), reason: reason)
    }
    guard !name.isEmpty else { throw refusal("it is empty") }
    guard name != Bytes(".".utf8), name != Bytes("..".utf8) else {
      throw refusal("it leads to another directory")
    }
    guard !name.contains(UInt8(ascii: "/")) else { throw refusal("it has a slash") }
    guard !name.contains(0) else { throw refusal("it has a zero byte") }
    guard name.count <= byteCountMax else {
      throw refusal("it has \(name.count) bytes, the limit is \(byteCountMax)")
    }
    guard String(validating: name, as: UTF8.self) != nil else {
      throw refusal("it is not UTF-8")
    }
  }
}
