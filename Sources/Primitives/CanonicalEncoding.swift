extension CanonicalValue {
  /// Returns the canonical bytes.
  public func encoded() -> Bytes {
    var output = Bytes()
    append(to: &output)
    return output
  }

  /// Appends the canonical bytes.
  public func append(to output: inout Bytes) {
    switch self {
    case .unsigned(let value): CBORWriting.appendHead(CBORMajor.unsigned, value, to: &output)
    case .negative(let value): CBORWriting.appendHead(CBORMajor.negative, value, to: &output)
    case .bytes(let bytes): Self.appendBytes(bytes, to: &output)
    case .text(let text): CBORWriting.append(text, to: &output)
    case .array(let values):
      CBORWriting.appendHead(CBORMajor.array, UInt64(values.count), to: &output)
      for value in values { value.append(to: &output) }
    case .map(let entries): Self.appendMap(entries, to: &output)
    case .bool(let value): output.append(value ? CBORSimple.trueByte : CBORSimple.falseByte)
    case .null: output.append(CBORSimple.nullByte)
    case .link(let cid):
      CBORWriting.appendHead(CBORMajor.tag, CBORSimple.linkTag, to: &output)
      Self.appendBytes([0] + cid, to: &output)
    }
  }

  private static func appendMap(_ entries: [String: CanonicalValue], to output: inout Bytes) {
    CBORWriting.appendHead(CBORMajor.map, UInt64(entries.count), to: &output)
    let sorted = entries.sorted { keyPrecedes($0.key.utf8, $1.key.utf8) }
    for (key, value) in sorted {
      CBORWriting.append(key, to: &output)
      value.append(to: &output)
    }
  }

  /// dag-cbor orders keys by length first, then by bytes.
  static func keyPrecedes(
    _ left: some Collection<UInt8>, _ right: some Collection<UInt8>
  ) -> Bool {
    left.count != right.count ? left.count < right.count : left.lexicographicallyPrecedes(right)
  }

  private static func appendBytes(_ bytes: Bytes, to output: inout Bytes) {
    CBORWriting.appendHead(CBORMajor.bytes, UInt64(bytes.count), to: &output)
    output += bytes
  }
}
