/// One allocation that the sockets of a loop are read into, one after the other. Confined to the
/// loop.
final class ReadBuffer: Sendable {
  // Only the loop's thread touches the memory; nothing keeps the pointer across a suspension.
  nonisolated(unsafe) let bytes: UnsafeMutableRawBufferPointer

  init(byteCount: Int) {
    bytes = .allocate(byteCount: byteCount, alignment: 64)
  }

  deinit { bytes.deallocate() }
}
