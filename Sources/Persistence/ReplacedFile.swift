import Glibc

/// A file that is written beside its place and takes it when it is whole; one that is not kept
/// leaves nothing behind.
package final class ReplacedFile {
  /// What is written to.
  package let descriptor: Int32
  /// Where the bytes are until they are kept.
  package let temporaryPath: String
  private let path: String
  private var isKept = false

  /// Creates the file beside `path`.
  package init(path: String) throws(BlockStoreError) {
    self.path = path
    var template = Array((path + "." + String(repeating: "X", count: 6)).utf8CString)
    descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw .failed("creation", path, errno) }
    temporaryPath = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    // A temporary file is private; a result has the permissions of any new file.
    fchmod(descriptor, 0o644)
  }

  deinit {
    close(descriptor)
    if !isKept { unlink(temporaryPath) }
  }

  /// Syncs the file and puts it in its place.
  package func keep() throws(BlockStoreError) {
    guard fsync(descriptor) == 0 else { throw .failed("sync", path, errno) }
    guard rename(temporaryPath, path) == 0 else { throw .failed("renaming", path, errno) }
    isKept = true
  }
}
