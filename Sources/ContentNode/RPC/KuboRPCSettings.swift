import Cryptography
import Glibc
package import Networking
import Primitives

/// How the Kubo RPC presents itself and whom it answers.
package struct KuboRPCSettings: Sendable {
  /// The version of Kubo whose commands these are; clients compare it with what they know.
  package var kuboVersion = "0.22.0"
  /// What `id` calls this program.
  package var agent = "martlet"
  /// Pages that may use the interface, as `http://host:port`; `*` lets every page in.
  package var allowedOrigins: [String] = []
  /// What a client must send as `Authorization: Bearer KEY`; nil lets every client in.
  package var key: String?

  /// The settings of a node on a loopback address.
  package init() {}

  /// Whether anybody but this machine's users could ask without a key.
  package func isOpen(at address: SocketAddress) -> Bool { key == nil && !address.isLoopback }

  /// Whether a request carries the key, if there is one. A Unix socket's file mode has already
  /// checked the user.
  func admits(_ request: HTTPRequest) -> Bool {
    guard let key, !request.isLocalSocket else { return true }
    let scheme = "bearer "
    guard let sent = request.headers["Authorization"], sent.lowercased().hasPrefix(scheme) else {
      return false
    }
    // Digests are compared, so that the time tells nothing about the key.
    return Self.digest(String(sent.dropFirst(scheme.count))) == Self.digest(key)
  }

  private static func digest(_ text: String) -> Digest { SHA256.hash(Bytes(text.utf8)) }
}
