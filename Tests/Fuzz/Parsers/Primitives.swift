import Primitives

extension FuzzedParser {
  static let primitives: [FuzzedParser] = [
    FuzzedParser("canonical-value") { bytes in
      // What decodes must encode to the same bytes: there is only one spelling of a value.
      guard let value = try? CanonicalValue(decoding: bytes) else { return }
      precondition(value.encoded() == bytes)
    },
    FuzzedParser("json") { bytes in
      guard let value = try? JSONValue(parsing: bytes) else { return }
      let again = try? JSONValue(parsing: value.encoded(), bytesMax: 16 * JSONLimits.bytesMax)
      precondition(again == value)
    },
    FuzzedParser("varint") { bytes in
      var position = 0
      while let value = try? Varint.read(bytes, at: &position) {
        let written = Varint.encode(value)
        precondition(bytes[(position - written.count)..<position].elementsEqual(written))
      }
    },
    FuzzedParser("base-text") { bytes in
      let text = String(decoding: bytes, as: UTF8.self)
      if let decoded = try? PositionalBase.base58.decode(text) {
        precondition(PositionalBase.base58.encode(decoded) == text)
      }
      if let decoded = try? Base32.decode(text) { precondition(Base32.encode(decoded) == text) }
      if let decoded = try? Hex.decode(text) {
        precondition(Hex.encode(decoded) == text.lowercased())
      }
    },
    FuzzedParser("amount") { bytes in
      let text = String(decoding: bytes, as: UTF8.self)
      _ = try? Amount(tokensText: text)
      _ = try? Amount(baseUnitsText: text)
    },
  ]
}
