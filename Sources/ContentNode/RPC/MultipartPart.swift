import Networking
import Primitives

/// What stands in front of one part of an upload.
package struct MultipartPart: Equatable, Sendable {
  /// What the part is, by its Content-Type; Kubo's clients name three.
  package enum Kind: Equatable, Sendable {
    case file
    case directory
    /// Its bytes are where the link points to.
    case symlink
  }

  private static let directoryType = "application/x-directory"
  private static let symlinkType = "application/symlink"

  /// The field's name; nil where there is none.
  package let name: String?
  /// The file's name, percent-decoded; nil where there is none.
  package let fileName: String?
  /// What the part is.
  package let kind: Kind

  /// Reads the lines of a header, without the empty one.
  init(header: ArraySlice<UInt8>) throws(MultipartError) {
    var disposition: [String: String] = [:]
    var kind = Kind.file
    for line in try Self.lines(header) {
      guard let colon = line.firstIndex(of: ":") else {
        throw .malformedHeader(reason: "a line without a colon")
      }
      let value = String(line[line.index(after: colon)...])
      switch line[..<colon].lowercased() {
      case "content-disposition": disposition = try Self.parameters(of: value)
      case "content-type": kind = Self.kind(of: value)
      default: continue
      }
    }
    self.kind = kind
    name = disposition["name"]
    fileName = disposition["filename"].map {
      // Go's escaping: a plus is a space. What is not escaped that way is taken as it is.
      HTTPPercent.decode($0.utf8, plusIsSpace: true) ?? $0
    }
  }

  private static func lines(_ header: ArraySlice<UInt8>) throws(MultipartError) -> [Substring] {
    guard let text = String(validating: header, as: UTF8.self) else {
      throw .malformedHeader(reason: "not UTF-8")
    }
    return text.split(separator: "\r\n", omittingEmptySubsequences: true)
  }

  private static func kind(of contentType: String) -> Kind {
    let type = contentType.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }.lowercased()
    switch type {
    case directoryType: return .directory
    case symlinkType: return .symlink
    default: return .file
    }
  }

  /// The parameters of a header's value, `form-data; name="file"; filename="a"`, by their names in
  /// lower case. The first of two counts.
  static func parameters(of value: String) throws(MultipartError) -> [String: String] {
    var parameters: [String: String] = [:]
    var rest = value.utf8[...]
    skip(&rest, until: UInt8(ascii: ";"))
    while rest.popFirst() != nil {
      let name = token(&rest)
      guard rest.first == UInt8(ascii: "=") else {
        guard rest.isEmpty || rest.first == UInt8(ascii: ";") else {
          throw .malformedHeader(reason: "a parameter without a value")
        }
        continue
      }
      rest.removeFirst()
      let text =
        rest.first == UInt8(ascii: "\"") ? try quoted(&rest) : token(&rest)
      skip(&rest, until: UInt8(ascii: ";"))
      let key = name.lowercased()
      if parameters[key] == nil { parameters[key] = text }
    }
    return parameters
  }

  private static func skip(_ rest: inout Substring.UTF8View, until end: UInt8) {
    while let byte = rest.first, byte != end { rest.removeFirst() }
  }

  private static func token(_ rest: inout Substring.UTF8View) -> String {
    var bytes = Bytes()
    while let byte = rest.first, byte != UInt8(ascii: "="), byte != UInt8(ascii: ";") {
      rest.removeFirst()
      if byte != 0x20, byte != 0x09 { bytes.append(byte) }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// A quoted string. Only a quote and a backslash are escaped: others write file names of Windows
  /// with bare backslashes.
  private static func quoted(_ rest: inout Substring.UTF8View) throws(MultipartError) -> String {
    rest.removeFirst()
    var bytes = Bytes()
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\"") { return String(decoding: bytes, as: UTF8.self) }
      let isEscape =
        byte == UInt8(ascii: "\\")
        && (rest.first == UInt8(ascii: "\"") || rest.first == UInt8(ascii: "\\"))
      bytes.append(isEscape ? rest.removeFirst() : byte)
    }
    throw .malformedHeader(reason: "a quote is not closed")
  }
}

extension MultipartMachine {
  /// A machine for a body of this Content-Type.
  package init(contentType: String?) throws(MultipartError) {
    let type = contentType ?? ""
    guard type.lowercased().hasPrefix("multipart/form-data"),
      let boundary = try MultipartPart.parameters(of: type)["boundary"],
      (1...MultipartLimits.boundaryByteCountMax).contains(boundary.utf8.count)
    else { throw .notMultipart(contentType: String(type.prefix(Self.shownMax))) }
    self.init(boundary: boundary)
  }

  /// As much of a foreign header as an error repeats.
  private static let shownMax = 200
}
