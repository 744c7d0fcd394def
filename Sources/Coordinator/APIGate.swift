internal import Cryptography
internal import Glibc
internal import Networking
internal import Persistence
internal import Primitives

/// Decides who may do what, how often, and that nothing is done twice. Confined to the loop.
actor APIGate {
  enum Limits {
    /// How old the list of keys may be: a revoked key works at most this long.
    static let keysAge: Duration = .seconds(1)
    /// Browsers signed in at once; the oldest is signed out.
    static let browsersMax = 64
    /// A working day; then the link of `martlet server` is opened again.
    static let browserLifetime: Duration = .seconds(12 * 3_600)
    /// Links that were printed and not opened yet.
    static let tokensMax = 16
    /// From printing a link to opening it.
    static let tokenLifetime: Duration = .seconds(3_600)
    static let secretBytes = 32
  }

  static let cookieName = "martlet_session"

  nonisolated let loop: EventLoop
  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
  private let settings: APISettings
  private let keyStore: APIKeyStore
  private let disk: ComputePool
  private var keys: [APIKeyRecord] = []
  private var keysReadAt: Tick?
  private var reads: TokenBuckets
  private var changes: TokenBuckets
  private var browsers = ExpiringSecrets(countMax: Limits.browsersMax)
  private var tokens = ExpiringSecrets(countMax: Limits.tokensMax)
  var ordersUnderWay: Set<Digest> = []

  init(loop: EventLoop, settings: APISettings, home: HomeDirectory, disk: ComputePool) {
    self.loop = loop
    self.settings = settings
    self.disk = disk
    keyStore = APIKeyStore(home: home)
    reads = TokenBuckets(rate: settings.reads)
    changes = TokenBuckets(rate: settings.changes)
  }

  // MARK: Admission

  /// Throws unless the request may use the route now. Probes are let through at once: nothing is
  /// looked up for them, so they are not counted either.
  nonisolated func admit(
    _ request: HTTPRequest, to route: APIRoute, through door: APIContext.Door
  ) async throws {
    guard case .network = door, route.access != .open || route.method != .get else { return }
    try await check(request, for: route)
  }

  private func check(_ request: HTTPRequest, for route: APIRoute) async throws {
    // Guesses cost their address a token before they are looked at.
    let address = Self.host(of: request)
    let key = try await self.key(of: request)
    let isChange = route.method != .get
    try limit(key.map { "key \($0.id)" } ?? "host \(address)", isChange: isChange)
    switch route.access {
    case .open: return
    case .read where isLocal(request) && !settings.readsNeedKey: return
    case .read, .change: break
    }
    guard key != nil || isBrowser(request) else { throw Self.missingKey }
  }

  private func limit(_ caller: String, isChange: Bool) throws(APIError) {
    let wait =
      isChange
      ? changes.take(for: caller, now: loop.now) : reads.take(for: caller, now: loop.now)
    guard let wait else { return }
    var error = APIError(
      .tooManyRequests, "too_many_requests", "this caller has asked too often",
      hint: "wait for the seconds in Retry-After")
    error.retryAfter = wait
    throw error
  }

  private static func host(of request: HTTPRequest) -> String {
    if case .tcp(let host, _) = request.remoteAddress { host } else { "unknown" }
  }

  private func isLocal(_ request: HTTPRequest) -> Bool {
    if case .tcp = request.remoteAddress { request.remoteAddress.isLoopback } else { false }
  }

  private static let missingKey = APIError(
    .unauthorized, "missing_key", "this needs a key",
    hint: "make one with `martlet server key create` and send Authorization: Bearer mk_…")

  private static let invalidKey = APIError(
    .unauthorized, "invalid_key", "the key is wrong or was revoked",
    hint: "make a new one with `martlet server key create`")

  // MARK: Keys

  /// The key that the request brings; nil without one, an error with a wrong one.
  private func key(of request: HTTPRequest) async throws -> APIKeyRecord? {
    guard let field = request.headers["Authorization"] else { return nil }
    let parts = field.split(separator: " ", maxSplits: 1)
    let text = parts.count == 2 && parts[0].lowercased() == "bearer" ? String(parts[1]) : ""
    try await refreshKeys()
    if let key = APIKeyStore.find(text, in: keys) { return key }
    try limit("host \(Self.host(of: request))", isChange: true)
    throw Self.invalidKey
  }

  private func refreshKeys() async throws {
    if let keysReadAt, loop.now.duration(since: keysReadAt) < Limits.keysAge { return }
    let store = keyStore
    keys = try await disk.run { try store.list() }
    keysReadAt = loop.now
  }

  // MARK: Browsers

  /// A token for one browser, to stand behind the `#` of a printed link.
  func issueToken() -> String {
    tokens.issue(Hex.encode(SystemRandom.bytes(Limits.secretBytes)), until: expiry(.token))
  }

  /// Takes the token and returns the cookie's value and lifetime.
  func logIn(token: String) throws(APIError) -> (secret: String, lifetime: Duration) {
    guard tokens.take(token, now: loop.now) else {
      throw APIError(
        .unauthorized, "invalid_token", "this link was used before or is too old",
        hint: "have `martlet server` print a new one")
    }
    let secret = browsers.issue(
      Hex.encode(SystemRandom.bytes(Limits.secretBytes)), until: expiry(.browser))
    return (secret, Limits.browserLifetime)
  }

  private enum Secret { case token, browser }

  private func expiry(_ secret: Secret) -> Tick {
    switch secret {
    case .token: loop.now.advanced(by: Limits.tokenLifetime)
    case .browser: loop.now.advanced(by: Limits.browserLifetime)
    }
  }

  private func isBrowser(_ request: HTTPRequest) -> Bool {
    request.headers.values("Cookie").contains { field in
      field.split(separator: ";").contains { item in
        let parts = item.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, parts[0].drop(while: { $0 == " " }) == Self.cookieName else {
          return false
        }
        return browsers.contains(String(parts[1]), now: loop.now)
      }
    }
  }
}

/// Secrets that were handed out, as hashes, each until its time is over.
struct ExpiringSecrets: Sendable {
  private let countMax: Int
  private var entries: [(hash: Digest, expiry: Tick)] = []

  init(countMax: Int) { self.countMax = countMax }

  /// Remembers a secret and returns it; the oldest makes room.
  mutating func issue(_ secret: String, until expiry: Tick) -> String {
    if entries.count == countMax { entries.removeFirst() }
    entries.append((APIKeyStore.hash(secret), expiry))
    return secret
  }

  /// Whether the secret is among those still valid.
  func contains(_ secret: String, now: Tick) -> Bool {
    let hash = APIKeyStore.hash(secret)
    return entries.contains { APIKeyStore.isEqual($0.hash, hash) && now < $0.expiry }
  }

  /// The same, and forgets it.
  mutating func take(_ secret: String, now: Tick) -> Bool {
    guard contains(secret, now: now) else { return false }
    let hash = APIKeyStore.hash(secret)
    entries.removeAll { $0.hash == hash }
    return true
  }
}
