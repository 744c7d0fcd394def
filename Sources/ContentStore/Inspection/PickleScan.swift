import Primitives

/// What a pickle would import and call, read without running it.
///
/// Opcodes: CPython's Lib/pickletools.py, protocols 0 to 5. Names on the stack are followed through
/// strings and the memo; a name that is made in another way is reported as unknown.
public struct PickleScan: Sendable {
  /// Imports that are listed; more are only counted as `isCut`.
  public static let importsMax = 256
  /// Bytes of one step; an opcode's own bytes and its name fit.
  static let windowByteCount = 64 << 10
  /// Bytes that are read of all pickles of one file; array data is skipped and does not count.
  static let readByteCountMax = 32 << 20
  private static let memoMax = 65_536
  private static let nameByteCountMax = 512
  private static let unknownName = "?"

  /// `module.name` of each import, in order of first mention.
  public private(set) var imports: [String] = []
  /// Whether anything is called or built.
  public private(set) var calls = false
  /// Whether a limit left something unread, or an opcode is unknown.
  public private(set) var isCut = false
  /// Whether the end of a pickle was read.
  public private(set) var isStopped = false
  private var readByteCount = 0
  private var recent: [String?] = []
  private var memo: [UInt64: String?] = [:]

  /// Starts at a pickle's first byte.
  public init() {}

  /// Reads the opcodes of a window of the file.
  ///
  /// - Parameters:
  ///   - window: bytes from `offset` on, `windowByteCount` or up to the end of the file.
  ///   - fileSize: where the last pickle ends.
  /// - Returns: where the next window begins; nil at the end.
  mutating func read(_ window: Bytes, at offset: UInt64, fileSize: UInt64) -> UInt64? {
    readByteCount += window.count
    guard readByteCount <= Self.readByteCountMax else { return cut() }
    var cursor = 0
    while cursor < window.count {
      if isStopped {
        // Several pickles may follow one another, as in old files of `torch.save`.
        guard window[cursor] == PickleOpcode.protocolMark else { return nil }
        isStopped = false
      }
      guard let argument = PickleOpcode.argument(of: window[cursor]) else { return cut() }
      switch argument.extent(in: window, from: cursor + 1) {
      case .whole(let content):
        apply(window[cursor], window[content])
        cursor = argument.end(of: content)
      case .beyond(let content, let size):
        if size <= UInt64(Self.nameByteCountMax) {
          // Perhaps a name: it is read again as a whole.
          guard cursor > 0, offset + UInt64(window.count) < fileSize else { return cut() }
          return offset + UInt64(cursor)
        }
        push(nil)
        let (next, overflow) = (offset + UInt64(content.lowerBound)).addingReportingOverflow(size)
        guard !overflow, next <= fileSize else { return cut() }
        return next
      case .unfinished:
        let isLast = offset + UInt64(window.count) >= fileSize
        guard cursor > 0, !isLast else { return cut() }
        return offset + UInt64(cursor)
      }
    }
    let next = offset + UInt64(window.count)
    if next >= fileSize {
      if !isStopped { isCut = true }
      return nil
    }
    return next
  }

  private mutating func cut() -> UInt64? {
    isCut = true
    return nil
  }

  private mutating func apply(_ opcode: UInt8, _ content: ArraySlice<UInt8>) {
    switch PickleOpcode.effect(of: opcode) {
    case .none: push(nil)
    case .text: push(Self.name(content))
    case .imports: note(content)
    case .importsFromStack:
      let names = recent.suffix(2).map { $0 ?? Self.unknownName }
      note(names.count == 2 ? names[0] + "." + names[1] : Self.unknownName)
    case .calls: calls = true
    case .instantiates:
      note(content)
      calls = true
    case .extends:
      note(Self.unknownName)
    case .stops: isStopped = true
    case .stores:
      if let key = Self.key(opcode, content) { remember(key) }
    case .storesNext: remember(UInt64(memo.count))
    case .loads: push(Self.key(opcode, content).flatMap { memo[$0] ?? nil })
    }
  }

  private mutating func push(_ name: String?) {
    recent.append(name)
    if recent.count > 2 { recent.removeFirst() }
  }

  private mutating func remember(_ key: UInt64) {
    guard memo.count < Self.memoMax else {
      isCut = true
      return
    }
    memo[key] = .some(recent.last ?? nil)
  }

  /// Text keys of protocol 0 are decimal, the others little-endian.
  private static func key(_ opcode: UInt8, _ content: ArraySlice<UInt8>) -> UInt64? {
    if opcode == UInt8(ascii: "p") || opcode == UInt8(ascii: "g") {
      return UInt64(String(decoding: content, as: UTF8.self))
    }
    return content.count <= 8 ? LittleEndian.unsigned(content) : nil
  }

  private static func name(_ content: ArraySlice<UInt8>) -> String? {
    content.count <= nameByteCountMax ? String(decoding: content, as: UTF8.self) : nil
  }

  /// Two lines: module and name.
  private mutating func note(_ lines: ArraySlice<UInt8>) {
    let parts = lines.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    note(
      parts.prefix(2).map { String(decoding: $0.prefix(Self.nameByteCountMax), as: UTF8.self) }
        .joined(separator: "."))
  }

  private mutating func note(_ name: String) {
    push(nil)
    guard !imports.contains(name) else { return }
    guard imports.count < Self.importsMax else {
      isCut = true
      return
    }
    imports.append(name)
  }
}
