internal import Glibc

/// How the C library keeps freed memory. By default each buffer of a bulk transfer is mapped and
/// unmapped anew, and clearing its pages costs a tenth of the transfer's processor time.
enum AllocatorTuning {
  /// `M_TRIM_THRESHOLD` and `M_MMAP_THRESHOLD` of malloc.h, which Swift's view of the C library
  /// leaves out; the function is looked up by name for the same reason.
  private static let trimThreshold: Int32 = -1
  private static let mapThreshold: Int32 = -3
  /// Buffers up to this size come from memory that is kept; larger ones are rare.
  private static let mappedFromBytes: Int32 = 2 * 1_024 * 1_024
  /// Freed memory at the end of an arena that is kept for the next buffers.
  private static let keptBytes: Int32 = 16 * 1_024 * 1_024

  /// Tunes the allocator of the process, once; false where it cannot be tuned.
  static let isDone: Bool = {
    typealias Tune = @convention(c) (Int32, Int32) -> Int32
    guard let found = dlsym(nil, "mallopt") else { return false }
    let tune = unsafeBitCast(found, to: Tune.self)
    return tune(mapThreshold, mappedFromBytes) == 1 && tune(trimThreshold, keptBytes) == 1
  }()
}
