import ContentNode
import ContentStore
import Glibc
import Primitives
import Telemetry
import Testing

/// A scripted clamd for one connection: takes a stream as clamd(8) describes it, then answers.
final class ScriptedDaemon: Sendable {
  /// What it does after the stream, or in its middle.
  enum Script: Sendable {
    case answer(String)
    /// Answers and closes after so many bytes, as clamd does at its limit.
    case cutOff(afterBytes: Int, String)
    case hangUp
  }

  let path: String
  private let listener: Int32
  private let thread: NamedThread
  private let taken = Lock(Bytes())

  init(_ script: Script) throws {
    path = "/tmp/martlet-clamd-\(getpid())-\(UInt64.random(in: 0..<UInt64.max)).sock"
    let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let status = withUnsafeBytes(of: &address) {
      bind(
        listener, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
    }
    try #require(status == 0 && listen(listener, 1) == 0)
    self.listener = listener
    let taken = taken
    thread = NamedThread("clamd-script") {
      let connection = accept(listener, nil, nil)
      guard connection >= 0 else { return }
      Self.talk(on: connection, script, taken)
      close(connection)
    }
  }

  /// Waits for the end and returns the stream's bytes.
  func finish() -> Bytes {
    thread.join()
    close(listener)
    unlink(path)
    return taken.withLock { $0 }
  }

  private static func read(_ count: Int, from connection: Int32) -> Bytes? {
    var bytes = Bytes(repeating: 0, count: count)
    var offset = 0
    while offset < count {
      let got = bytes.withUnsafeMutableBytes {
        recv(connection, $0.baseAddress! + offset, count - offset, 0)
      }
      guard got > 0 else { return nil }
      offset += got
    }
    return bytes
  }

  private static func talk(on connection: Int32, _ script: Script, _ taken: Lock<Bytes>) {
    guard read(10, from: connection) == Bytes("zINSTREAM\0".utf8) else { return }
    while let prefix = read(4, from: connection) {
      let size = prefix.reduce(0) { $0 << 8 | Int($1) }
      if size == 0 { break }
      guard let chunk = read(size, from: connection) else { return }
      let total = taken.withLock { taken in
        taken += chunk
        return taken.count
      }
      if case .cutOff(let limit, let line) = script, total >= limit {
        return answer(line, on: connection)
      }
    }
    if case .answer(let line) = script { answer(line, on: connection) }
  }

  private static func answer(_ line: String, on connection: Int32) {
    let bytes = Bytes(line.utf8) + [0]
    // In two parts: answers need not arrive at once.
    _ = bytes.withUnsafeBytes { send(connection, $0.baseAddress, 3, 0) }
    _ = bytes.withUnsafeBytes { send(connection, $0.baseAddress! + 3, $0.count - 3, 0) }
  }
}

@Suite("Asking clamd")
struct ClamdTests {
  private func scan(_ script: ScriptedDaemon.Script, _ parts: [Bytes]) throws -> (VirusScan, Bytes)
  {
    let daemon = try ScriptedDaemon(script)
    let scanner = ClamdScanner(address: .unix(path: daemon.path))
    var rest = parts[...]
    let result = try scanner.scanBlocking { rest.popFirst() }
    return (result, daemon.finish())
  }

  @Test("the whole stream arrives in order, and the answer is read")
  func streams() throws {
    let parts: [Bytes] = [[1, 2, 3], [], Bytes(repeating: 9, count: 600_000), [4]]
    let (clean, taken) = try scan(.answer("stream: OK"), parts)
    #expect(clean == .clean)
    #expect(taken == parts.flatMap { $0 })
    let (found, _) = try scan(.answer("stream: Eicar-Test-Signature FOUND"), [[1]])
    #expect(found == .infected("Eicar-Test-Signature"))
    let (empty, none) = try scan(.answer("stream: OK"), [])
    #expect(empty == .clean)
    #expect(none.isEmpty)
  }

  @Test("at its limit the daemon answers and closes, and its words are the reason")
  func limit() throws {
    let parts = (0..<64).map { _ in Bytes(repeating: 1, count: 256 << 10) }
    let (result, _) = try scan(
      .cutOff(afterBytes: 1 << 20, "INSTREAM size limit exceeded. ERROR"), parts)
    // The rest of the stream may reset the connection before the words are read.
    guard case .failed(let reason) = result else {
      Issue.record("\(result)")
      return
    }
    #expect(!reason.isEmpty)
  }

  @Test("a daemon that is gone, hangs up or talks nonsense is a failed scan, never a clean one")
  func failures() throws {
    guard case .failed = try scan(.hangUp, [[1]]).0 else {
      Issue.record("hung up")
      return
    }
    let gone = ClamdScanner(address: .unix(path: "/tmp/martlet-no-such-socket"))
    guard case .failed = try gone.scanBlocking({ nil }) else {
      Issue.record("gone")
      return
    }
    #expect(try scan(.answer("stream: maybe"), [[1]]).0 == .failed("stream: maybe"))
  }

  @Test("only exact answers count")
  func replies() {
    let cases: [(String, VirusScan)] = [
      ("stream: OK", .clean), ("stream: A.B FOUND", .infected("A.B")),
      ("stream:  FOUND", .failed("stream:  FOUND")), ("OK", .failed("OK")),
      ("stream: OK ", .failed("stream: OK ")), ("", .failed("the answer is empty")),
      (
        "INSTREAM size limit exceeded. ERROR", .failed("INSTREAM size limit exceeded. ERROR")
      ),
    ]
    for (line, scan) in cases { #expect(ClamdReply.scan(Bytes(line.utf8)) == scan, "\(line)") }
    #expect(
      ClamdReply.scan(Bytes("stream: \u{1b}[2J FOUND".utf8))
        == .failed("the answer is no line of text"))
    #expect(ClamdReply.scan([0xff]) == .failed("the answer is no line of text"))
  }

  @Test("addresses are sockets or numeric hosts with a port")
  func addresses() {
    #expect(
      ClamdAddress(parsing: "/run/clamav/clamd.ctl") == .unix(path: "/run/clamav/clamd.ctl"))
    #expect(ClamdAddress(parsing: "unix:/run/x") == .unix(path: "/run/x"))
    #expect(ClamdAddress(parsing: "127.0.0.1:3310") == .tcp(host: "127.0.0.1", port: 3310))
    #expect(ClamdAddress(parsing: "localhost:3310") == .tcp(host: "127.0.0.1", port: 3310))
    for bad in ["", "clamd", "host.example:1", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:70000"] {
      #expect(ClamdAddress(parsing: bad) == nil, "\(bad)")
    }
    #expect(ClamdAddress(parsing: "/" + String(repeating: "x", count: 107)) == nil)
  }
}

/// Against a real daemon where one runs: MARTLET_TEST_CLAMD names its address.
enum RealClamd {
  static let address = getenv("MARTLET_TEST_CLAMD").flatMap {
    ClamdAddress(parsing: String(cString: $0))
  }

}

@Suite("A real clamd", .enabled(if: RealClamd.address != nil))
struct RealClamdTests {
  /// The harmless text that every scanner knows (eicar.org), in two parts so that no scanner takes
  /// this file for it.
  private static let testText =
    "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR" + "-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"

  @Test("it finds the test text and nothing in zeros")
  func scans() throws {
    let scanner = ClamdScanner(address: try #require(RealClamd.address))
    var parts: [Bytes] = [Bytes(repeating: 0, count: 3 << 20)]
    #expect(try scanner.scanBlocking { parts.popLast() } == .clean)
    parts = [Bytes(Self.testText.utf8)]
    guard case .infected = try scanner.scanBlocking({ parts.popLast() }) else {
      Issue.record("the test text was not found")
      return
    }
  }
}
