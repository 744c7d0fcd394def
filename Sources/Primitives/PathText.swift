extension StringProtocol {
  /// The names in a path: what stands between slashes, without the empty ones.
  ///
  /// `split` compares whole characters, and a slash with a combining mark behind it is one of them:
  /// a file may well have a name that starts with such a mark.
  public var pathNames: [String] {
    utf8.split { $0 == UInt8(ascii: "/") }.map { String(decoding: $0, as: UTF8.self) }
  }
}
