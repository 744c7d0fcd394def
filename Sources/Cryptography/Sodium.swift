internal import CSodium

/// libsodium, initialised before its first use.
enum Sodium {
  private static let isReady: Bool = sodium_init() >= 0

  static func prepare() { precondition(isReady, "libsodium could not start") }
}
