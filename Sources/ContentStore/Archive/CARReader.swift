public import Primitives

/// Reads a content archive (CAR) of version 1 or 2 as it arrives, in pieces of any size, and checks
/// every block against its CID before it is given.
///
/// One unfinished section is in memory. The index of a version 2 archive is passed over.
public struct CARReader: Sendable {
  /// What was read.
  public enum Event: Equatable, Sendable {
    case header(CARHeader)
    case block(ContentBlock)
  }

  private enum Part: Sendable {
    case header
    case version2Header
    /// Filling in front of the version 2 data.
    case padding(UInt64)
    case sections
    /// What lies behind the version 2 data.
    case rest
  }

  private let byteCountMax: UInt64
  private var part = Part.header
  private var version2: CARVersion2Header?
  /// What is left of the version 2 data; nil in version 1.
  private var dataLeft: UInt64?
  private var section = CARSection()
  /// The bytes taken so far.
  public private(set) var byteCount: UInt64 = 0
  /// The blocks given so far.
  public private(set) var blockCount = 0

  /// Starts an archive of at most `byteCountMax` bytes.
  public init(byteCountMax: UInt64) { self.byteCountMax = byteCountMax }

  /// Takes the next bytes; what they complete is appended to `events`. After an error the reader is
  /// of no more use, but what was appended before it is good.
  public mutating func append(
    _ bytes: UnsafeRawBufferPointer, into events: inout [Event]
  ) throws(ContentError) {
    byteCount += UInt64(bytes.count)
    guard byteCount <= byteCountMax else {
      throw .malformedArchive(
        .tooLarge(
          what: "content archive", size: Int(clamping: byteCount),
          limit: Int(clamping: byteCountMax)))
    }
    var rest = bytes[...]
    while !rest.isEmpty {
      switch part {
      case .header: try takeHeader(&rest, &events)
      case .version2Header: try takeVersion2Header(&rest)
      case .padding(let count):
        let skipped = min(count, UInt64(rest.count))
        rest = rest.dropFirst(Int(skipped))
        part = skipped == count ? .header : .padding(count - skipped)
      case .sections: try takeSections(&rest, &events)
      case .rest: return
      }
    }
  }

  /// Takes the next bytes.
  public mutating func append(
    _ bytes: Bytes, into events: inout [Event]
  ) throws(ContentError) {
    // Typed errors do not pass through the standard library's closures.
    var failure: ContentError?
    bytes.withUnsafeBytes { buffer in
      do throws(ContentError) { try append(buffer, into: &events) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// Throws unless the archive may end here: behind its header and a whole section.
  public func finish() throws(ContentError) {
    let isWhole =
      switch part {
      case .header, .version2Header, .padding: false
      case .sections: section.isEmpty && (dataLeft ?? 0) == 0
      case .rest: true
      }
    guard isWhole else { throw .malformedArchive(.truncated(what: "content archive")) }
  }
}

// MARK: - Parts

extension CARReader {
  private mutating func takeHeader(
    _ rest: inout Slice<UnsafeRawBufferPointer>, _ events: inout [Event]
  ) throws(ContentError) {
    var slice = limited(rest)
    let before = slice.count
    let header = try section.takeHeader(&slice)
    try used(before - slice.count, of: &rest)
    guard let header else { return }
    do throws(DecodingFailure) {
      switch (try CARHeader.decode(header), version2) {
      case (.version1(let header), _):
        events.append(.header(header))
        part = dataLeft == 0 ? .rest : .sections
      case (.version2, nil): part = .version2Header
      case (.version2, _?):
        throw .malformed(what: "content archive", reason: "a version 2 inside a version 2")
      }
    } catch { throw .malformedArchive(error) }
  }

  private mutating func takeVersion2Header(
    _ rest: inout Slice<UnsafeRawBufferPointer>
  ) throws(ContentError) {
    guard let bytes = section.takeExactly(CARVersion2Header.byteCount, &rest) else { return }
    do {
      let header = try CARVersion2Header(decoding: bytes)
      version2 = header
      dataLeft = header.dataSize
      let padding = header.dataOffset - CARVersion2Header.dataOffsetMin
      part = padding == 0 ? .header : .padding(padding)
    } catch { throw .malformedArchive(error) }
  }

  private mutating func takeSections(
    _ rest: inout Slice<UnsafeRawBufferPointer>, _ events: inout [Event]
  ) throws(ContentError) {
    var slice = limited(rest)
    let before = slice.count
    while !slice.isEmpty {
      guard let block = try section.takeBlock(&slice) else { break }
      events.append(.block(block))
      blockCount += 1
    }
    try used(before - slice.count, of: &rest)
    if dataLeft == 0, section.isEmpty { part = .rest }
  }

  /// The bytes at hand that still belong to the data of a version 2 archive.
  private func limited(
    _ rest: Slice<UnsafeRawBufferPointer>
  ) -> Slice<UnsafeRawBufferPointer> {
    dataLeft.map { rest.prefix(Int(min($0, UInt64(rest.count)))) } ?? rest
  }

  private mutating func used(
    _ count: Int, of rest: inout Slice<UnsafeRawBufferPointer>
  ) throws(ContentError) {
    rest = rest.dropFirst(count)
    guard let left = dataLeft else { return }
    dataLeft = left - UInt64(count)
    // A section that goes on behind the data can never be completed.
    if dataLeft == 0, !section.isEmpty {
      throw .malformedArchive(.truncated(what: "content archive's data"))
    }
  }
}
