/// Variables that are read by our prefix and, where that is not set, by the older one.
struct PrefixedVariables {
  private static let prefixes = ["MARTLET_", "PRSM_"]
  private static let truths = ["true", "1", "yes", "on"]
  private static let falsehoods = ["false", "0", "no", "off"]

  let lookup: (String) -> String?

  /// The value, and the name under which it was found.
  func text(_ name: String) -> (name: String, value: String)? {
    for prefix in Self.prefixes {
      if let value = lookup(prefix + name), !value.isEmpty { return (prefix + name, value) }
    }
    return nil
  }

  func integer(_ name: String, in range: ClosedRange<Int>) throws(IPFSClientError) -> Int? {
    guard let found = text(name) else { return nil }
    guard let number = Int(found.value), range.contains(number) else {
      throw .configuration(
        name: found.name, value: found.value,
        reason: "expected a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  func boolean(_ name: String) throws(IPFSClientError) -> Bool? {
    guard let found = text(name) else { return nil }
    let word = found.value.lowercased()
    if Self.truths.contains(word) { return true }
    if Self.falsehoods.contains(word) { return false }
    throw .configuration(name: found.name, value: found.value, reason: "expected true or false")
  }
}
