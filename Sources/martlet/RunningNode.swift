import ContentNode
import ContentStore
import Glibc
import Networking
import Persistence
import Primitives
import Telemetry

/// The process that has the home's store open, asked over Kubo's RPC.
struct RunningNode: Sendable {
  /// Nobody waits for more lines of one answer.
  private static let answerByteCountMax = 256 << 20
  private static let archivePieceByteCount = 1 << 20
  private static let boundary = "martlet-content-archive"

  private let client: HTTPClient
  private let url: String
  private let socketPath: String?

  /// The process at `address`: an `http://` address, or the path of a socket file.
  init(at address: String, pool: ComputePool) {
    client = HTTPClient(pool: pool)
    let isSocket = address.hasPrefix("/")
    url = isSocket ? "http://localhost" : address
    socketPath = isSocket ? address : nil
  }

  private func request(_ command: String, _ items: [(String, String)]) -> HTTPClientRequest {
    let query = items.map { "\($0)=\(HTTPPercent.encode($1))" }.joined(separator: "&")
    var request = HTTPClientRequest(.post, "\(url)\(KuboRPC.prefix)\(command)?\(query)")
    request.unixSocketPath = socketPath
    request.timeout = nil
    request.responseBytesMax = Self.answerByteCountMax
    return request
  }

  /// The objects that a command answers.
  func lines(_ command: String, _ items: (String, String)...) async throws -> [JSONValue] {
    try Self.objects(try await client.send(request(command, items)))
  }

  /// The one object that a command answers, or the last.
  func object(_ command: String, _ items: (String, String)...) async throws -> JSONValue {
    try Self.objects(try await client.send(request(command, items))).last ?? .null
  }

  /// Lets the process do work of its own, and shows how far that is.
  func work(
    _ command: String, _ items: [(String, String)], _ progress: WorkProgress
  ) async throws -> JSONValue {
    let reading = Lock(WorkReading())
    let response = try await client.send(request(command, items)) { bytes in
      try reading.withLock { try $0.take(bytes, progress) }
    }
    // What is no line of ours is the text of a refusal.
    guard response.status == HTTPStatus.ok.code else {
      throw Self.refusal(response, text: reading.withLock { $0.rest })
    }
    guard let outcome = reading.withLock({ $0.outcome }) else {
      throw CommandFailure(
        "the process that has the store open ended before the work did", hint: "try again",
        code: .unreachable)
    }
    if let result = outcome["Result"] { return result }
    let failure = outcome["Failure"]
    throw CommandFailure(
      failure?["Message"]?.text ?? "", hint: failure?["Hint"]?.text ?? "",
      code: ExitCode(rawValue: Int32(clamping: failure?["ExitCode"]?.integer ?? 1)) ?? .failed)
  }

  /// Why a process does not do what it is asked for.
  private static func refusal(_ response: HTTPClientResponse, text: Bytes) -> CommandFailure {
    let text = text.isEmpty ? response.body : text
    if let message = (try? JSONValue(parsing: text))?["Message"]?.text {
      return CommandFailure(message, hint: "the process that has the store open said so")
    }
    switch response.status {
    case HTTPStatus.unauthorized.code:
      return CommandFailure(
        "the process that has the store open asks for a key",
        hint: "stop it first, or start it without --rpc-key-file", code: .refused)
    case HTTPStatus.notFound.code, HTTPStatus.methodNotAllowed.code:
      return CommandFailure(
        "the process that has the store open does not do this for others",
        hint: "stop it first, or run `martlet content serve` in its place")
    default:
      return CommandFailure(
        String(decoding: text, as: UTF8.self),
        hint: "the process that has the store open said so")
    }
  }

  private static func objects(_ response: HTTPClientResponse) throws -> [JSONValue] {
    try check(response)
    return try response.body.split(separator: UInt8(ascii: "\n")).map {
      try JSONValue(parsing: Bytes($0))
    }
  }

  /// A failure is told by the status, or behind what came before it.
  private static func check(_ response: HTTPClientResponse) throws {
    if response.status == HTTPStatus.ok.code {
      guard let fault = response.headers["X-Stream-Error"] else { return }
      throw CommandFailure(fault, hint: "the process that has the store open said so")
    }
    throw refusal(response, text: response.body)
  }

  // MARK: - Archives

  /// Writes everything below a path as an archive to an open file, each block checked.
  func export(
    _ path: String, to descriptor: Int32, named name: String, meter: WorkMeter? = nil
  ) async throws -> ExportedArchive {
    let reading = Lock(ArchiveReading(meter: meter))
    var request = request("dag/export", [("arg", path)])
    request.responseBytesMax = .max
    let response = try await client.send(request) { bytes in
      try reading.withLock { try $0.take(bytes) }
      try ContentExport.write(bytes, to: descriptor, name)
    }
    try Self.check(response)
    return try reading.withLock { try $0.finish() }
  }

  /// Stores the blocks of an archive and pins its roots, unless that is not wanted.
  func importArchive(
    at path: String, isPinning: Bool = true, meter: WorkMeter? = nil
  ) async throws -> [JSONValue] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw CommandFailure("\(path) cannot be opened", hint: "check the path")
    }
    defer { close(descriptor) }
    if let meter { TreeMeasurement().expect(path, on: meter) }
    var request = request("dag/import", [("stats", "true"), ("pin-roots", "\(isPinning)")])
    request.headers.append(
      "Content-Type", "multipart/form-data; boundary=\(Self.boundary)")
    let body = Lock(UploadBody(descriptor: descriptor, boundary: Self.boundary))
    request.body = .stream(length: nil) { countMax in
      let piece = try body.withLock { try $0.next(min(countMax, Self.archivePieceByteCount)) }
      meter?.advance(by: UInt64(piece.count))
      return piece
    }
    return try Self.objects(try await client.send(request))
  }
}

/// The lines about work under way, of which the last says what came of it.
private struct WorkReading {
  /// What stands behind the last line's end.
  private(set) var rest = Bytes()
  private(set) var outcome: JSONValue?

  mutating func take(_ bytes: Bytes, _ progress: WorkProgress) throws {
    rest += bytes
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      guard let line = try? JSONValue(parsing: Bytes(rest[..<end])), line["Message"] == nil else {
        return
      }
      rest.removeSubrange(...end)
      if let done = line["Done"]?.integer {
        progress.show(UInt64(clamping: done), of: UInt64(clamping: line["Total"]?.integer ?? 0))
      } else {
        outcome = line
      }
    }
  }
}

/// An archive on its way to a file.
private struct ArchiveReading {
  let meter: WorkMeter?
  private var reader = CARReader(byteCountMax: .max)
  private var root: CID?
  private var byteCount: UInt64 = 0

  init(meter: WorkMeter?) { self.meter = meter }

  mutating func take(_ bytes: Bytes) throws {
    var events: [CARReader.Event] = []
    try reader.append(bytes, into: &events)
    byteCount += UInt64(bytes.count)
    meter?.advance(by: UInt64(bytes.count))
    for event in events {
      switch event {
      case .header(let header): root = header.roots.first
      case .block(let block):
        if block.cid == root { meter?.expect(block.cid.declaredByteCount(block.bytes) ?? 0) }
      }
    }
  }

  func finish() throws -> ExportedArchive {
    try reader.finish()
    guard let root else { throw ContentError.malformedArchive(.truncated(what: "archive")) }
    return ExportedArchive(root: root, blockCount: reader.blockCount, byteCount: byteCount)
  }
}

/// A file as the one part of an upload.
private struct UploadBody {
  let descriptor: Int32
  private var front: Bytes
  private var back: Bytes

  init(descriptor: Int32, boundary: String) {
    self.descriptor = descriptor
    front = Bytes(
      ("--\(boundary)\r\nContent-Disposition: form-data; name=\"file\"; filename=\"car\"\r\n"
        + "Content-Type: application/octet-stream\r\n\r\n").utf8)
    back = Bytes("\r\n--\(boundary)--\r\n".utf8)
  }

  /// The next bytes, at most `countMax`; none at the end.
  mutating func next(_ countMax: Int) throws -> Bytes {
    if !front.isEmpty { return Self.take(countMax, from: &front) }
    var failure: Int32 = 0
    let piece = Bytes(unsafeUninitializedCapacity: countMax) { buffer, count in
      let result = read(descriptor, buffer.baseAddress, countMax)
      if result < 0 { failure = errno }
      count = max(0, result)
    }
    guard failure == 0 else {
      throw BlockStoreError.system(operation: "reading", path: "archive", errno: failure)
    }
    return piece.isEmpty ? Self.take(countMax, from: &back) : piece
  }

  private static func take(_ countMax: Int, from bytes: inout Bytes) -> Bytes {
    defer { bytes.removeFirst(min(countMax, bytes.count)) }
    return Bytes(bytes.prefix(countMax))
  }
}
