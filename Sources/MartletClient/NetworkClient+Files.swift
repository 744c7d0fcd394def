internal import Glibc
internal import Networking
public import Primitives
public import Telemetry

extension NetworkClient {
  /// Sends the file at `path`, or standard input for `-`, and returns `cid`, `size` and `bytes`;
  /// `meter` counts the bytes that are sent.
  public func uploadContent(
    _ path: String, profile: String? = nil, meter: WorkMeter? = nil
  ) async throws(NetworkClientError) -> JSONValue {
    let query = profile.map { "?profile=\(Self.segment($0))" } ?? ""
    var request = request(.post, Self.base + "/content" + query)
    let source = try FileSource(path: path)
    request.headers.append("Content-Type", "application/octet-stream")
    request.body = .stream(length: source.length) { countMax in
      let bytes = try source.next(countMax: countMax)
      meter?.advance(by: UInt64(bytes.count))
      return bytes
    }
    request.timeout = nil
    return try await json(request)
  }

  /// Writes a stored file to `path` and returns its size; `path` is as it was where that fails.
  /// `meter` counts the bytes that came.
  @discardableResult
  public func downloadContent(
    _ cid: String, to path: String, meter: WorkMeter? = nil
  ) async throws(NetworkClientError) -> Int {
    try await download(Self.base + "/content/" + Self.segment(cid), to: path, meter)
  }

  /// Writes a session's newest model to `path` as a safetensors file and returns its size.
  @discardableResult
  public func downloadModel(
    _ session: String, to path: String
  ) async throws(NetworkClientError) -> Int {
    try await download(Self.path(session, "/model"), to: path)
  }

  private func download(
    _ source: String, to path: String, _ meter: WorkMeter? = nil
  ) async throws(NetworkClientError) -> Int {
    var request = request(.get, source)
    request.timeout = nil
    request.responseBytesMax = Limits.fileBytesMax
    let file = try PartialFile(for: path)
    do {
      let response = try await http.send(request) { bytes in
        try file.append(bytes)
        meter?.advance(by: UInt64(bytes.count))
      }
      try Self.check(response)
      return try file.keep()
    } catch {
      file.discard()
      throw NetworkClientError(error, at: place)
    }
  }
}

extension NetworkClientError {
  fileprivate static func failed(_ operation: String, _ path: String, _ code: Int32)
    -> NetworkClientError
  {
    .file(operation: operation, path: path, reason: String(cString: strerror(code)))
  }
}

/// A local file that is read piece by piece, on the one thread of its exchange.
private final class FileSource: Sendable {
  let length: Int?
  private let descriptor: Int32
  private let path: String

  init(path: String) throws(NetworkClientError) {
    self.path = path
    descriptor = path == "-" ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC)
    var status = stat()
    guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
      length = nil
      throw .failed("reading", path, errno)
    }
    // A pipe has no length; it is sent in chunks.
    length = status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  func next(countMax: Int) throws(NetworkClientError) -> Bytes {
    var failure: Int32 = 0
    let bytes = Bytes(unsafeUninitializedCapacity: countMax) { buffer, filled in
      var count = read(descriptor, buffer.baseAddress, countMax)
      while count < 0, errno == EINTR { count = read(descriptor, buffer.baseAddress, countMax) }
      if count < 0 { failure = errno }
      filled = max(0, count)
    }
    guard failure == 0 else { throw .failed("reading", path, failure) }
    return bytes
  }
}

/// A download beside its place: renamed when it is whole, removed when it is not.
private final class PartialFile: Sendable {
  private let path: String
  private let temporary: String
  private let descriptor: Int32
  /// Touched by the exchange's thread, then by whoever awaited the exchange.
  private nonisolated(unsafe) var count = 0

  init(for path: String) throws(NetworkClientError) {
    self.path = path
    var template = Array("\(path).XXXXXX".utf8CString)
    descriptor = mkstemp(&template)
    temporary = template.withUnsafeBufferPointer { buffer in
      buffer.baseAddress.map { String(cString: $0) } ?? ""
    }
    guard descriptor >= 0 else { throw .failed("writing", path, errno) }
    // A temporary file is private; a result has the permissions of any new file.
    fchmod(descriptor, 0o644)
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  func append(_ bytes: Bytes) throws(NetworkClientError) {
    var offset = 0
    while offset < bytes.count {
      let written = bytes.withUnsafeBytes {
        write(descriptor, $0.baseAddress.map { $0 + offset }, bytes.count - offset)
      }
      if written < 0, errno == EINTR { continue }
      guard written >= 0 else { throw .failed("writing", path, errno) }
      offset += written
    }
    count += bytes.count
  }

  func keep() throws(NetworkClientError) -> Int {
    guard fsync(descriptor) == 0, rename(temporary, path) == 0 else {
      throw .failed("writing", path, errno)
    }
    return count
  }

  func discard() { unlink(temporary) }
}
