import Glibc

/// Held while a process uses a key of a home; gone with the process, however that ends.
public final class HomeLock: Sendable {
  private let file: FileDescriptor

  fileprivate init(path: String) throws(FileError) {
    file = try FileDescriptor(opening: path, O_RDWR | O_CREAT)
    try file.lockExclusively()
  }

  /// Lets others in.
  public func release() { file.unlock() }
}

extension HomeDirectory {
  /// Takes the home for the key `name`: two nodes with one key would take each other's place.
  public func lock(_ name: String) throws(HomeError) -> HomeLock {
    do throws(FileError) {
      return try HomeLock(path: file("\(name).lock"))
    } catch { throw .file(error) }
  }
}
