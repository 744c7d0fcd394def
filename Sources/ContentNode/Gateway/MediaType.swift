internal import Primitives

/// What a file is, by the ending of its name or by its first bytes
/// (mimesniff.spec.whatwg.org; IANA's registry of media types).
enum MediaType {
  static let unknown = "application/octet-stream"
  static let json = "application/json"
  private static let plain = "text/plain; charset=utf-8"
  private static let page = "text/html; charset=utf-8"

  private static let endings: [String: String] = [
    "avif": "image/avif", "bin": unknown, "bmp": "image/bmp", "car": "application/vnd.ipld.car",
    "cbor": "application/cbor", "css": "text/css; charset=utf-8",
    "csv": "text/csv; charset=utf-8", "epub": "application/epub+zip", "flac": "audio/flac",
    "gif": "image/gif", "gz": "application/gzip", "htm": page, "html": page,
    "ico": "image/x-icon", "jpeg": "image/jpeg", "jpg": "image/jpeg",
    "js": "text/javascript; charset=utf-8", "json": json, "jsonl": "application/x-ndjson",
    "m4a": "audio/mp4", "md": "text/markdown; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8", "mov": "video/quicktime", "mp3": "audio/mpeg",
    "mp4": "video/mp4", "oga": "audio/ogg", "ogg": "audio/ogg", "ogv": "video/ogg",
    "otf": "font/otf", "parquet": "application/vnd.apache.parquet", "pdf": "application/pdf",
    "png": "image/png", "svg": "image/svg+xml", "tar": "application/x-tar", "tif": "image/tiff",
    "tiff": "image/tiff", "ttf": "font/ttf", "txt": plain, "wasm": "application/wasm",
    "wav": "audio/wav", "webm": "video/webm", "webmanifest": "application/manifest+json",
    "webp": "image/webp", "woff": "font/woff", "woff2": "font/woff2",
    "xhtml": "application/xhtml+xml", "xml": "text/xml; charset=utf-8", "zip": "application/zip",
    "zst": "application/zstd",
  ]

  /// The type of a name's ending, in any case; nil where that is none we know.
  static func byEnding(of name: String) -> String? {
    guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) else { return nil }
    return endings[name[name.index(after: dot)...].lowercased()]
  }

  /// Bytes that are looked at: what decides stands at the start.
  private static let sniffedBytesMax = 3_072

  /// Files that are read whole to tell whether they are JSON.
  private static let parsedBytesMax = 64 << 10

  private static let signatures: [(bytes: Bytes, type: String)] = [
    (Bytes("%PDF-".utf8), "application/pdf"), ([0x89] + Bytes("PNG\r\n".utf8), "image/png"),
    (Bytes("GIF87a".utf8), "image/gif"), (Bytes("GIF89a".utf8), "image/gif"),
    ([0xFF, 0xD8, 0xFF], "image/jpeg"), (Bytes("BM".utf8), "image/bmp"),
    (Bytes("OggS".utf8), "application/ogg"), (Bytes("fLaC".utf8), "audio/flac"),
    (Bytes("ID3".utf8), "audio/mpeg"), ([0x1A, 0x45, 0xDF, 0xA3], "video/webm"),
    ([0x1F, 0x8B], "application/gzip"), ([0x28, 0xB5, 0x2F, 0xFD], "application/zstd"),
    (Bytes("PK\u{3}\u{4}".utf8), "application/zip"), (Bytes("\u{0}asm".utf8), "application/wasm"),
    (Bytes("wOF2".utf8), "font/woff2"), (Bytes("wOFF".utf8), "font/woff"),
    (Bytes("PAR1".utf8), "application/vnd.apache.parquet"),
  ]

  /// The type of a file that begins with `bytes`, which may be all of it.
  static func sniffing(_ bytes: Bytes, isWhole: Bool) -> String {
    if bytes.isEmpty { return plain }
    let text = textType(bytes, isWhole: isWhole)
    // Text wins: a file of words may begin as a bitmap does.
    if let text { return text }
    if let found = signatures.first(where: { bytes.starts(with: $0.bytes) }) { return found.type }
    if bytes.starts(with: "RIFF".utf8), bytes.count >= 12 {
      if bytes[8..<12].elementsEqual("WEBP".utf8) { return "image/webp" }
      if bytes[8..<12].elementsEqual("WAVE".utf8) { return "audio/wav" }
    }
    if bytes.count >= 12, bytes[4..<8].elementsEqual("ftyp".utf8) {
      return bytes[8..<12].elementsEqual("avif".utf8) ? "image/avif" : "video/mp4"
    }
    return unknown
  }

  /// The type of UTF-8 text without control characters; nil for anything else.
  private static func textType(_ bytes: Bytes, isWhole: Bool) -> String? {
    let head = bytes.prefix(sniffedBytesMax)
    let isCut = head.count < bytes.count || !isWhole
    guard isText(head, isCut: isCut) else { return nil }
    let text = head.drop { $0 == 0x20 || (0x09...0x0D).contains($0) }
    let start = String(decoding: text.prefix(256), as: UTF8.self).lowercased()
    if ["<!doctype html", "<html", "<head", "<body"].contains(where: start.hasPrefix) {
      return page
    }
    if start.hasPrefix("%pdf-") { return "application/pdf" }
    if start.hasPrefix("<svg") || start.hasPrefix("<?xml") && start.contains("<svg") {
      return "image/svg+xml"
    }
    if start.hasPrefix("<?xml") { return "text/xml; charset=utf-8" }
    guard start.hasPrefix("{") || start.hasPrefix("[") else { return plain }
    if isWhole, bytes.count <= parsedBytesMax {
      return (try? JSONValue(parsing: bytes)) == nil ? plain : json
    }
    // Of a long file only the start can be judged.
    let inner = start.dropFirst().drop { $0.isWhitespace }
    return inner.hasPrefix("\"")
      || start.hasPrefix("[") && (inner.first == "{" || inner.first == "[")
      ? json : plain
  }

  private static func isText(_ bytes: ArraySlice<UInt8>, isCut: Bool) -> Bool {
    let isControlled = bytes.contains { $0 < 0x20 && !(0x09...0x0D).contains($0) && $0 != 0x1B }
    guard !isControlled else { return false }
    // A cut may fall inside a character of up to four bytes.
    return (0...(isCut ? 3 : 0)).contains {
      String(validating: bytes.dropLast($0), as: UTF8.self) != nil
    }
  }
}
