/// Text on its way into HTML.
package enum Markup {
  /// Replaces what HTML would read as markup, in text and in quoted attributes alike; control
  /// characters, which HTML forbids, become spaces.
  package static func escaped(_ text: String) -> String {
    var output = ""
    output.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": output += "&amp;"
      case "<": output += "&lt;"
      case ">": output += "&gt;"
      case "\"": output += "&quot;"
      case "'": output += "&#39;"
      case "\n", "\t": output.unicodeScalars.append(scalar)
      case _ where scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value): output += " "
      default: output.unicodeScalars.append(scalar)
      }
    }
    return output
  }

  /// A number for a coordinate, to a tenth.
  static func coordinate(_ value: Double) -> String {
    let text = Decimals.fixed(value, places: 1)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}
