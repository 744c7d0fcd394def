import Primitives

/// Tells types by how files begin. Sources: each format's specification; libmagic for the rest.
enum MagicBytes {
  /// Bytes that are looked at: tar's mark lies at 257, text is judged by its first pages.
  static let headByteCount = 64 << 10

  private static let marks: [(ContentType, Bytes)] = [
    (.gguf, Bytes("GGUF".utf8)), (.hdf5, [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]),
    (.npy, [0x93] + Bytes("NUMPY".utf8)), (.parquet, Bytes("PAR1".utf8)),
    (.arrow, Bytes("ARROW1".utf8)), (.sqlite, Bytes("SQLite format 3\0".utf8)),
    (.png, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), (.jpeg, [0xff, 0xd8, 0xff]),
    (.gif, Bytes("GIF8".utf8)), (.tiff, [0x49, 0x49, 0x2a, 0]), (.tiff, [0x4d, 0x4d, 0, 0x2a]),
    (.flac, Bytes("fLaC".utf8)), (.ogg, Bytes("OggS".utf8)), (.pdf, Bytes("%PDF-".utf8)),
    (.zip, [0x50, 0x4b, 3, 4]), (.zip, [0x50, 0x4b, 5, 6]), (.gzip, [0x1f, 0x8b, 8]),
    (.zstd, [0x28, 0xb5, 0x2f, 0xfd]), (.xz, [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]),
    (.bzip2, Bytes("BZh".utf8)), (.program, [0x7f, 0x45, 0x4c, 0x46]),
    (.program, [0xfe, 0xed, 0xfa, 0xce]), (.program, [0xfe, 0xed, 0xfa, 0xcf]),
    (.program, [0xce, 0xfa, 0xed, 0xfe]), (.program, [0xcf, 0xfa, 0xed, 0xfe]),
    (.program, [0xca, 0xfe, 0xba, 0xbe]), (.program, [0, 0x61, 0x73, 0x6d]),
    (.script, Bytes("#!".utf8)),
  ]

  /// - Parameters:
  ///   - head: the first `headByteCount` bytes, or all of a shorter file.
  ///   - size: the whole file's bytes.
  static func type(of head: Bytes, size: UInt64) -> ContentType {
    if let mark = marks.first(where: { head.starts(with: $0.1) }) { return mark.0 }
    if isPickle(head, size: size) { return .pickle }
    if isSafetensors(head, size: size) { return .safetensors }
    if has("RIFF", at: 0, head) {
      if has("WEBP", at: 8, head) { return .webp }
      if has("WAVE", at: 8, head) { return .wave }
    }
    if has("ustar", at: 257, head) { return .tar }
    if isProgramOfWindows(head) { return .program }
    if isBitmap(head, size: size) { return .bmp }
    if isONNX(head) { return .onnx }
    return text(head, isCut: UInt64(head.count) < size)
  }

  private static func has(_ mark: String, at offset: Int, _ head: Bytes) -> Bool {
    head.dropFirst(offset).starts(with: mark.utf8)
  }

  /// Protocols 2 to 5 begin with a mark; 0 and 1 are told by reading them: text that imports by
  /// name and calls, in which every byte is an opcode or its argument.
  private static func isPickle(_ head: Bytes, size: UInt64) -> Bool {
    if head.count >= 2, head[0] == PickleOpcode.protocolMark, (2...5).contains(head[1]) {
      return true
    }
    guard !head.isEmpty else { return false }
    var scan = PickleScan()
    let isUnfinished = scan.read(head, at: 0, fileSize: size) != nil
    return (isUnfinished || scan.isStopped) && !scan.isCut && scan.calls
      && scan.imports.contains { isName($0) }
  }

  /// A dotted name of Python.
  private static func isName(_ text: String) -> Bool {
    text.utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."):
        true
      default: false
      }
    }
  }

  /// github.com/huggingface/safetensors: length of the header (8, little-endian), then JSON.
  private static func isSafetensors(_ head: Bytes, size: UInt64) -> Bool {
    guard head.count > 9, head[8] == UInt8(ascii: "{") else { return false }
    let length = LittleEndian.unsigned(head[0..<8])
    return length >= 2 && length <= size - 8
  }

  /// "MZ" alone begins ordinary text too: the offset of the PE header must lead to "PE".
  private static func isProgramOfWindows(_ head: Bytes) -> Bool {
    guard has("MZ", at: 0, head), head.count >= 64 else { return false }
    let offset = LittleEndian.unsigned(head[60..<64])
    guard offset < UInt64(head.count) else { return false }
    return has("PE\0\0", at: Int(offset), head)
  }

  /// "BM" and the file's own size.
  private static func isBitmap(_ head: Bytes, size: UInt64) -> Bool {
    guard has("BM", at: 0, head), head.count >= 14 else { return false }
    return LittleEndian.unsigned(head[2..<6]) == size & 0xffff_ffff
  }

  /// ONNX's ModelProto: `ir_version` (field 1, a small number) first, then another of its fields.
  private static func isONNX(_ head: Bytes) -> Bool {
    guard head.count > 3, head[0] == 0x08, (1...32).contains(head[1]) else { return false }
    // producer_name, producer_version, domain, model_version, doc_string, graph, opset_import.
    return [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42].contains(head[2])
  }

  private static func text(_ head: Bytes, isCut: Bool) -> ContentType {
    guard !head.isEmpty, let text = validText(head, isCut: isCut) else { return .unknown }
    let first = text.utf8.first { !" \t\r\n".utf8.contains($0) }
    if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") { return .json }
    return isTable(text) ? .csv : .text
  }

  /// UTF-8 without control characters; the last character of a cut head may be incomplete.
  private static func validText(_ head: Bytes, isCut: Bool) -> String? {
    let isPlain = head.allSatisfy { $0 >= 0x20 || [0x09, 0x0a, 0x0c, 0x0d].contains($0) }
    guard isPlain else { return nil }
    for dropped in 0..<(isCut ? 4 : 1) where dropped <= head.count {
      if let text = String(validating: head.dropLast(dropped), as: UTF8.self) { return text }
    }
    return nil
  }

  /// The first lines have the same number, at least one, of one separator.
  private static func isTable(_ text: String) -> Bool {
    let lines = text.utf8.split(separator: UInt8(ascii: "\n"), maxSplits: 8).prefix(8).dropLast()
    guard lines.count >= 1 else { return false }
    return ",;\t".utf8.contains { separator in
      let counts = lines.map { line in line.count { $0 == separator } }
      return counts[0] > 0 && counts.allSatisfy { $0 == counts[0] }
    }
  }
}

/// Integers as zip archives, pickles and safetensors have them.
enum LittleEndian {
  static func unsigned(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    precondition(bytes.count <= 8)
    return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
