import CZstd
import Primitives
import Telemetry

/// Zstandard frames (RFC 8878) by Debian's libzstd, of bounded size in both directions.
enum Zstandard {
  /// The fastest level of the usual ones: at rest, time is dearer than the last few percent.
  private static let level: Int32 = 1
  /// Contexts kept for the next call: as many as threads compress at a time.
  private static let contextsMax = 8

  private final class Contexts: Sendable {
    /// The addresses of contexts; each is here or in the hands of one caller.
    private let free = Lock<[UInt]>([])
    private let create: @Sendable () -> OpaquePointer?
    private let destroy: @Sendable (OpaquePointer) -> Void

    init(
      create: @escaping @Sendable () -> OpaquePointer?,
      destroy: @escaping @Sendable (OpaquePointer) -> Void
    ) {
      self.create = create
      self.destroy = destroy
    }

    /// Calls `body` with a context that nobody else uses; nil without memory for one.
    func use<Result>(_ body: (OpaquePointer) -> Result?) -> Result? {
      let known = free.withLock { $0.popLast() }.flatMap { OpaquePointer(bitPattern: $0) }
      guard let context = known ?? create() else { return nil }
      let result = body(context)
      let address = UInt(bitPattern: context)
      let isKept = free.withLock { free in
        guard free.count < contextsMax else { return false }
        free.append(address)
        return true
      }
      if !isKept { destroy(context) }
      return result
    }
  }

  private static let compressors = Contexts(
    create: { ZSTD_createCCtx() }, destroy: { ZSTD_freeCCtx($0) })
  private static let decompressors = Contexts(
    create: { ZSTD_createDCtx() }, destroy: { ZSTD_freeDCtx($0) })

  /// A frame of at most `byteCountMax` bytes; nil where it would be longer.
  static func compress(_ bytes: UnsafeRawBufferPointer, byteCountMax: Int) -> Bytes? {
    guard byteCountMax > 0 else { return nil }
    return compressors.use { context in
      filled(byteCountMax) {
        ZSTD_compressCCtx(context, $0.baseAddress, $0.count, bytes.baseAddress, bytes.count, level)
      }
    }
  }

  /// The bytes of a frame; nil unless they are exactly `byteCount`.
  static func decompress(_ frame: UnsafeRawBufferPointer, byteCount: Int) -> Bytes? {
    decompressors.use { context in
      filled(byteCount) {
        ZSTD_decompressDCtx(context, $0.baseAddress, $0.count, frame.baseAddress, frame.count)
      }
    }.flatMap { $0.count == byteCount ? $0 : nil }
  }

  private static func filled(
    _ capacity: Int, _ body: (UnsafeMutableBufferPointer<UInt8>) -> Int
  ) -> Bytes? {
    var isValid = false
    let bytes = Bytes(unsafeUninitializedCapacity: capacity) { buffer, count in
      // The buffer may be larger than asked for; the limit is what was asked for.
      let result = body(UnsafeMutableBufferPointer(rebasing: buffer[..<capacity]))
      isValid = ZSTD_isError(result) == 0
      count = isValid ? result : 0
    }
    return isValid ? bytes : nil
  }
}
