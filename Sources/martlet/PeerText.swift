/// What a peer says of itself, before it comes to a terminal.
enum PeerText {
  /// A name and a version; more would push everything else off the line.
  private static let lengthMax = 48

  /// The text without what moves a cursor or turns a line around, cut to a length.
  static func plain(_ text: String) -> String {
    var plain = String.UnicodeScalarView()
    for scalar in text.unicodeScalars.prefix(lengthMax) {
      switch scalar.properties.generalCategory {
      case .control, .format, .surrogate, .privateUse, .lineSeparator, .paragraphSeparator,
        .unassigned:
        plain.append("?")
      default: plain.append(scalar)
      }
    }
    return String(plain)
  }
}
