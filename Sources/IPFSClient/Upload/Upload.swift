internal import ContentStore
internal import Glibc
internal import Primitives
internal import Telemetry

/// Content on its way to a node, already named: its CID is known before a byte is sent.
struct Upload: Sendable {
  let content: UploadContent
  let layout: UnixFSLayout
  /// The CID that this content has, whoever stores it.
  let root: CID
  let size: UInt64
  let progress: UploadProgress?

  /// Reads and names the content; blocks the calling thread.
  init(
    naming content: UploadContent, layout: UnixFSLayout, byteCountMax: UInt64,
    progress: UploadProgress?
  ) throws(IPFSClientError) {
    self.content = content
    self.layout = layout
    self.progress = progress
    var reader = try UploadReader(content)
    guard reader.size <= byteCountMax else {
      throw .tooLarge(size: reader.size, max: byteCountMax)
    }
    var builder = UnixFSBuilder(layout)
    var blocks: [ContentBlock] = []
    while let piece = try reader.next() {
      builder.append(piece, into: &blocks)
      blocks.removeAll(keepingCapacity: true)
    }
    let file = builder.finish(into: &blocks)
    guard file.fileSize <= byteCountMax else {
      throw .tooLarge(size: file.fileSize, max: byteCountMax)
    }
    (root, size) = (file.cid, file.fileSize)
  }
}

/// The blocks of an upload, a few at a time, children before parents.
final class UploadBlocks: Sendable {
  private struct State: Sendable {
    var reader: UploadReader
    var builder: UnixFSBuilder
    var sent: UInt64 = 0
    var isFinished = false
  }

  private let upload: Upload
  private let state: Lock<State>

  init(_ upload: Upload) throws(IPFSClientError) {
    self.upload = upload
    state = Lock(
      State(reader: try UploadReader(upload.content), builder: UnixFSBuilder(upload.layout)))
  }

  /// The next blocks, nil behind the last; reads the content and may block.
  func next() throws(IPFSClientError) -> [ContentBlock]? {
    let (blocks, sent) = try state.withLock { state throws(IPFSClientError) in
      var blocks: [ContentBlock] = []
      while blocks.isEmpty, !state.isFinished {
        if let piece = try state.reader.next() {
          state.builder.append(piece, into: &blocks)
          state.sent += UInt64(piece.count)
        } else {
          state.isFinished = true
          guard state.builder.finish(into: &blocks).cid == upload.root else {
            throw .fileChanged(path: upload.content.path ?? "the content")
          }
        }
      }
      return (blocks, state.sent)
    }
    guard !blocks.isEmpty else { return nil }
    upload.progress?(sent, upload.size)
    return blocks
  }
}

extension UploadContent {
  /// The file, where it is one.
  var path: String? {
    if case .file(let path) = self { path } else { nil }
  }
}

/// Reads content in pieces.
struct UploadReader: Sendable {
  /// One piece: a chunk of the usual layout.
  private static let pieceByteCount = 1 << 20

  private enum Source: Sendable {
    case bytes(Bytes)
    case file(OpenFile)
  }

  private let source: Source
  private var position = 0
  let size: UInt64

  init(_ content: UploadContent) throws(IPFSClientError) {
    switch content {
    case .bytes(let bytes): source = .bytes(bytes)
    case .text(let text): source = .bytes(Bytes(text.utf8))
    case .file(let path): source = .file(try OpenFile(path))
    }
    switch source {
    case .bytes(let bytes): size = UInt64(bytes.count)
    case .file(let file): size = file.size
    }
  }

  /// The next piece, nil at the end.
  mutating func next() throws(IPFSClientError) -> Bytes? {
    let piece: Bytes
    switch source {
    case .bytes(let bytes):
      piece = Bytes(bytes[position..<min(bytes.count, position + Self.pieceByteCount)])
    case .file(let file): piece = try file.read(Self.pieceByteCount, at: position)
    }
    position += piece.count
    return piece.isEmpty ? nil : piece
  }
}

/// A regular file that is open for reading.
final class OpenFile: Sendable {
  private let path: String
  private let descriptor: Int32
  let size: UInt64

  init(_ path: String) throws(IPFSClientError) {
    self.path = path
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Self.failure(path) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      close(descriptor)
      throw Self.failure(path)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw .file(path: path, reason: "it is not a regular file")
    }
    size = UInt64(clamping: status.st_size)
  }

  deinit { close(descriptor) }

  /// At most `count` bytes; none at the end.
  func read(_ count: Int, at offset: Int) throws(IPFSClientError) -> Bytes {
    var bytes = Bytes(repeating: 0, count: count)
    let taken = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, count, offset) }
    guard taken >= 0 else { throw Self.failure(path) }
    bytes.removeLast(count - taken)
    return bytes
  }

  private static func failure(_ path: String) -> IPFSClientError {
    .file(path: path, reason: String(cString: strerror(errno)))
  }
}
