package import Cryptography
package import Primitives

/// What is asked of a rendezvous point.
package enum RendezvousTask: Hashable, Sendable {
  /// Register us in a namespace.
  case register(point: PeerID, namespace: String)
  /// List who came behind the cookie.
  case discover(point: PeerID, namespace: String)

  /// Whom it asks.
  package var point: PeerID {
    switch self {
    case .register(let point, _), .discover(let point, _): point
    }
  }
}

/// What happens to a client of rendezvous points.
package enum RendezvousClientEvent: Equatable, Sendable {
  /// It begins.
  case begin
  /// Our addresses have changed: the points should know.
  case addressesChanged
  /// A point registered us for this long.
  case registered(point: PeerID, namespace: String, for: Duration)
  /// A point listed registrations, `count` of them with those that were not believed.
  case listed(point: PeerID, namespace: String, RendezvousPage, count: Int)
  /// A point said no, or did not answer.
  case failed(RendezvousTask, RendezvousStatus?)
  /// Time has passed.
  case tick
  /// It ends.
  case stop
}

/// What a client does.
package enum RendezvousClientEffect: Equatable, Sendable {
  /// Register at a point.
  case register(point: PeerID, namespace: String, for: Duration)
  /// Take a registration back.
  case unregister(point: PeerID, namespace: String)
  /// Ask who came behind the cookie, at most this many.
  case discover(point: PeerID, namespace: String, cookie: Bytes, max: Int)
  /// A point lists a peer.
  case found(RendezvousRegistration)
}

/// Times and limits of a client of rendezvous points.
package enum RendezvousClientLimits {
  /// Points used at once.
  package static let pointsMax = 8
  /// Namespaces used at once.
  package static let namespacesMax = 16
  /// Registrations asked for with one question.
  package static let pageMax = 100
  /// Questions of one round: a point that always has more is not believed for ever.
  package static let pagesPerRoundMax = 10
  /// A registration is renewed when this share of its time is over.
  static let renewal = (numerator: 7, denominator: 8)
  /// The pause after a failure; it doubles.
  static let firstPause: Duration = .seconds(10)
  /// However often it failed.
  static let longestPause: Duration = .seconds(600)
  /// Pauses are up to this share longer, so that nodes that began together spread out.
  static let jitterShare: UInt64 = 8
}

/// Keeps a node registered at its rendezvous points and asks them for others.
package struct RendezvousClientMachine: Sendable {
  /// One task again and again.
  private struct Routine: Sendable {
    var at: Tick
    var isUnderWay = false
    var failures = 0
    /// Only of a discovery.
    var cookie = Bytes()
    var pagesLeft = RendezvousClientLimits.pagesPerRoundMax
    /// Only of a registration.
    var isRegistered = false
  }

  private let peer: PeerID
  private let settings: RendezvousClientSettings
  private let tasks: [RendezvousTask]
  private var routines: [RendezvousTask: Routine] = [:]

  /// A client of these points and namespaces; those beyond the limits are left out.
  package init(
    peer: PeerID, points: [PeerID], namespaces: [String], settings: RendezvousClientSettings
  ) {
    self.peer = peer
    self.settings = settings
    let names = namespaces.prefix(RendezvousClientLimits.namespacesMax)
    tasks = points.prefix(RendezvousClientLimits.pointsMax).flatMap { point in
      names.flatMap { name -> [RendezvousTask] in
        let discover = RendezvousTask.discover(point: point, namespace: name)
        return settings.registers
          ? [.register(point: point, namespace: name), discover] : [discover]
      }
    }
  }

  /// When the next `tick` is due.
  package var nextWake: Tick? {
    routines.values.lazy.filter { !$0.isUnderWay }.map(\.at).min()
  }

  /// Registrations that stand.
  package var registrationCount: Int { routines.values.count { $0.isRegistered } }

  /// Takes an event in and says what to do.
  package mutating func handle(
    _ event: RendezvousClientEvent, now: Tick, random: inout SplitMix64
  ) -> [RendezvousClientEffect] {
    switch event {
    case .begin:
      for task in tasks where routines[task] == nil { routines[task] = Routine(at: now) }
    case .addressesChanged:
      for case .register(let point, let name) in tasks {
        let task = RendezvousTask.register(point: point, namespace: name)
        // One that failed lately waits on: an address that flaps must not wear a point out.
        if routines[task]?.failures == 0 { routines[task]?.at = now }
      }
    case .registered(let point, let namespace, let lifetime):
      let task = RendezvousTask.register(point: point, namespace: namespace)
      let least = min(lifetime, RendezvousLimits.lifetimeMin)
      let renewal = RendezvousClientLimits.renewal
      let wait = max(least, lifetime * renewal.numerator / renewal.denominator)
      routines[task]?.isRegistered = true
      finish(task, after: wait, now)
    case .listed(let point, let namespace, let page, let count):
      return listed(.discover(point: point, namespace: namespace), page, count, now, &random)
    case .failed(let task, let status):
      failed(task, status, now, &random)
    case .tick: break
    case .stop: return stop()
    }
    return due(now)
  }

  private mutating func due(_ now: Tick) -> [RendezvousClientEffect] {
    tasks.compactMap { task in
      guard let routine = routines[task], !routine.isUnderWay, routine.at <= now else { return nil }
      routines[task]?.isUnderWay = true
      switch task {
      case .register(let point, let name):
        return .register(point: point, namespace: name, for: settings.lifetime)
      case .discover(let point, let name):
        return .discover(
          point: point, namespace: name, cookie: routine.cookie,
          max: RendezvousClientLimits.pageMax)
      }
    }
  }

  private mutating func finish(_ task: RendezvousTask, after wait: Duration, _ now: Tick) {
    routines[task]?.failures = 0
    routines[task]?.isUnderWay = false
    routines[task]?.at = now.advanced(by: wait)
  }

  private mutating func listed(
    _ task: RendezvousTask, _ page: RendezvousPage, _ count: Int, _ now: Tick,
    _ random: inout SplitMix64
  ) -> [RendezvousClientEffect] {
    guard let routine = routines[task], routine.isUnderWay else { return [] }
    routines[task]?.cookie = page.cookie
    let hasMore = count >= RendezvousClientLimits.pageMax && !page.cookie.isEmpty
    if hasMore, routine.pagesLeft > 1 {
      routines[task]?.pagesLeft -= 1
      finish(task, after: .zero, now)
    } else {
      routines[task]?.pagesLeft = RendezvousClientLimits.pagesPerRoundMax
      finish(task, after: jittered(settings.discoverInterval, &random), now)
    }
    let found = page.registrations.prefix(RendezvousClientLimits.pageMax)
      .filter { $0.peer != peer }
    return found.map { .found($0) } + due(now)
  }

  private mutating func failed(
    _ task: RendezvousTask, _ status: RendezvousStatus?, _ now: Tick, _ random: inout SplitMix64
  ) {
    guard var routine = routines[task], routine.isUnderWay else { return }
    routine.isUnderWay = false
    routine.pagesLeft = RendezvousClientLimits.pagesPerRoundMax
    // The point began anew: so do we, and at once if nothing else has failed.
    if status == .invalidCookie, !routine.cookie.isEmpty {
      routine.cookie = []
      routine.at = now
    } else {
      let doubled = RendezvousClientLimits.firstPause * (1 << min(routine.failures, 8))
      routine.failures += 1
      routine.isRegistered = false
      routine.at = now.advanced(
        by: jittered(min(doubled, RendezvousClientLimits.longestPause), &random))
    }
    routines[task] = routine
  }

  private mutating func stop() -> [RendezvousClientEffect] {
    defer { routines = [:] }
    return tasks.compactMap { task in
      guard case .register(let point, let name) = task, routines[task]?.isRegistered == true else {
        return nil
      }
      return .unregister(point: point, namespace: name)
    }
  }

  private func jittered(_ pause: Duration, _ random: inout SplitMix64) -> Duration {
    let milliseconds = UInt64(clamping: pause.components.seconds) * 1_000
    let extra = UInt64.random(
      in: 0...(milliseconds / RendezvousClientLimits.jitterShare), using: &random)
    return pause + .milliseconds(Int64(clamping: extra))
  }
}
