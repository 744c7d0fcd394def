import Glibc
import Primitives

/// What this machine has to give.
enum Machine {
  /// Its processors.
  static var processors: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

  /// Its memory.
  static var memory: ByteCount {
    let pages = sysconf(Int32(_SC_PHYS_PAGES))
    let size = sysconf(Int32(_SC_PAGESIZE))
    return ByteCount(pages > 0 && size > 0 ? pages * size : 0)
  }

  /// Whether this build has an engine that computes on a graphics processor.
  static let computesOnGPU = false
}
