public import Primitives

/// How a byte string is spelled as text, named by its first character
/// (github.com/multiformats/multibase/blob/master/multibase.csv).
///
/// Every entry whose status is not `reserved` or `experimental`, but for base256emoji, which is.
public enum Multibase: Unicode.Scalar, Sendable, CaseIterable {
  case base2 = "0"
  case base8 = "7"
  case base10 = "9"
  case base16 = "f"
  case base16Upper = "F"
  case base32Hex = "v"
  case base32HexUpper = "V"
  case base32HexPadded = "t"
  case base32HexPaddedUpper = "T"
  case base32 = "b"
  case base32Upper = "B"
  case base32Padded = "c"
  case base32PaddedUpper = "C"
  case base32Z = "h"
  case base36 = "k"
  case base36Upper = "K"
  case base58BTC = "z"
  case base58Flickr = "Z"
  case base64 = "m"
  case base64Padded = "M"
  case base64URL = "u"
  case base64URLPadded = "U"
  case base256Emoji = "🚀"

  private enum Spelling: Sendable {
    case bits(BitText)
    case positional(PositionalBase)
    case emoji
  }

  private static let digits = "0123456789"
  private static let lower = "abcdefghijklmnopqrstuvwxyz"
  private static let upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
  private static let hexLower = "0123456789abcdefghijklmnopqrstuv"
  private static let hexUpper = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
  private static let flickr = "123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"

  private static let spellings: [Multibase: Spelling] = [
    .base2: .bits(BitText("base2", alphabet: "01")),
    .base8: .bits(BitText("base8", alphabet: "01234567")),
    .base10: .positional(PositionalBase(name: "base10", alphabet: digits)),
    .base16: .bits(BitText("base16", alphabet: "0123456789abcdef")),
    .base16Upper: .bits(BitText("base16upper", alphabet: "0123456789ABCDEF")),
    .base32Hex: .bits(BitText("base32hex", alphabet: hexLower)),
    .base32HexUpper: .bits(BitText("base32hexupper", alphabet: hexUpper)),
    .base32HexPadded: .bits(BitText("base32hexpad", alphabet: hexLower, paddedTo: 8)),
    .base32HexPaddedUpper: .bits(BitText("base32hexpadupper", alphabet: hexUpper, paddedTo: 8)),
    .base32: .bits(BitText("base32", alphabet: lower + "234567")),
    .base32Upper: .bits(BitText("base32upper", alphabet: upper + "234567")),
    .base32Padded: .bits(BitText("base32pad", alphabet: lower + "234567", paddedTo: 8)),
    .base32PaddedUpper: .bits(BitText("base32padupper", alphabet: upper + "234567", paddedTo: 8)),
    .base32Z: .bits(BitText("base32z", alphabet: "ybndrfg8ejkmcpqxot1uwisza345h769")),
    .base36: .positional(.base36),
    .base36Upper: .positional(PositionalBase(name: "base36upper", alphabet: digits + upper)),
    .base58BTC: .positional(.base58),
    .base58Flickr: .positional(PositionalBase(name: "base58flickr", alphabet: flickr)),
    .base64: .bits(BitText("base64", alphabet: upper + lower + digits + "+/")),
    .base64Padded: .bits(
      BitText("base64pad", alphabet: upper + lower + digits + "+/", paddedTo: 4)),
    .base64URL: .bits(BitText("base64url", alphabet: upper + lower + digits + "-_")),
    .base64URLPadded: .bits(
      BitText("base64urlpad", alphabet: upper + lower + digits + "-_", paddedTo: 4)),
    .base256Emoji: .emoji,
  ]

  /// Returns the text without the prefix.
  public func encode(_ bytes: Bytes) -> String {
    switch Self.spellings[self] {
    case .bits(let text): text.encode(bytes)
    case .positional(let base): base.encode(bytes)
    case .emoji, nil: EmojiText.encode(bytes)
    }
  }

  /// Reads text without the prefix; each value has one spelling.
  public func decode(_ text: String) throws(DecodingFailure) -> Bytes {
    switch Self.spellings[self] {
    case .bits(let bits): try bits.decode(text.utf8)
    case .positional(let base): try base.decode(text)
    case .emoji, nil: try EmojiText.decode(text)
    }
  }
}

/// One emoji a byte (github.com/multiformats/multibase/blob/master/rfcs/Base256Emoji.md).
private enum EmojiText {
  private static let alphabet: [Unicode.Scalar] = Array(
    """
    🚀🪐☄🛰🌌🌑🌒🌓🌔🌕🌖🌗🌘🌍🌏🌎🐉☀💻🖥💾💿😂❤😍🤣😊🙏💕😭😘👍😅👏😁🔥🥰💔💖💙😢🤔😆🙄\
    💪😉☺👌🤗💜😔😎😇🌹🤦🎉💞✌✨🤷😱😌🌸🙌😋💗💚😏💛🙂💓🤩😄😀🖤😃💯🙈👇🎶😒🤭❣😜💋👀😪😑💥\
    🙋😞😩😡🤪👊🥳😥🤤👉💃😳✋😚😝😴🌟😬🙃🍀🌷😻😓⭐✅🥺🌈😈🤘💦✔😣🏃💐☹🎊💘😠☝😕🌺🎂🌻😐\
    🖕💝🙊😹🗣💫💀👑🎵🤞😛🔴😤🌼😫⚽🤙☕🏆🤫👈😮🙆🍻🍃🐶💁😲🌿🧡🎁⚡🌞🎈❌✊👋😰🤨😶🤝🚶💰🍓\
    💢🤟🙁🚨💨🤬✈🎀🍺🤓😙💟🌱😖👶🥴▶➡❓💎💸⬇😨🌚🦋😷🕺⚠🙅😟😵👎🤲🤠🤧📌🔵💅🧐🐾🍒😗🤑🌊\
    🤯🐷☎💧😯💆👆🎤🙇🍑❄🌴💣🐸💌📍🥀🤢👅💡💩👐📸👻🤐🤮🎼🥵🚩🍎🍊👼💍📣🥂
    """.unicodeScalars)
  private static let values: [Unicode.Scalar: UInt8] = Dictionary(
    uniqueKeysWithValues: alphabet.enumerated().map { ($1, UInt8($0)) })

  static func encode(_ bytes: Bytes) -> String {
    var text = String.UnicodeScalarView()
    for byte in bytes { text.append(alphabet[Int(byte)]) }
    return String(text)
  }

  static func decode(_ text: String) throws(DecodingFailure) -> Bytes {
    var bytes = Bytes()
    for scalar in text.unicodeScalars {
      guard let value = values[scalar] else {
        throw .malformed(what: "base256emoji text", reason: "a character outside the alphabet")
      }
      bytes.append(value)
    }
    return bytes
  }
}
