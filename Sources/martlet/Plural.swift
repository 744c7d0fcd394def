/// Numbers of things.
enum Plural {
  /// `1 peer`, `2 peers`.
  static func text(_ count: Int, _ thing: String) -> String {
    "\(count) \(thing)\(count == 1 ? "" : "s")"
  }
}
