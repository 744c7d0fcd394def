import Glibc
import Primitives
import Testing

@testable import Persistence

@Suite("Files that are replaced as a whole")
struct AtomicFileTests {
  @Test("a file is written with its mode, read back and replaced; nothing is left beside it")
  func replace() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/state"
    #expect(try AtomicFile.read(path) == nil)
    try AtomicFile.write([1, 2, 3], to: path)
    #expect(try AtomicFile.read(path) == [1, 2, 3])
    try AtomicFile.write([], to: path)
    #expect(try AtomicFile.read(path) == [])
    var status = stat()
    #expect(stat(path, &status) == 0)
    #expect(status.st_mode & 0o777 == 0o600)
    #expect(TemporaryDirectory.names(in: directory.path) == ["state"])
  }

  @Test("a left-over temporary file of a crash does not disturb")
  func leftOver() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/state"
    try AtomicFile.write([9], to: path + ".new", mode: 0o400)
    try AtomicFile.write([1], to: path)
    #expect(try AtomicFile.read(path) == [1])
    #expect(TemporaryDirectory.names(in: directory.path) == ["state"])
  }

  @Test("a missing directory and a file that is too large are named")
  func refusals() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/none/state"
    #expect(throws: FileError.notFound(path: path)) { try AtomicFile.write([1], to: path) }
    let large = directory.path + "/large"
    try AtomicFile.write([1, 2, 3, 4], to: large)
    #expect(throws: FileError.tooLarge(path: large, size: 4, limit: 3)) {
      try AtomicFile.read(large, byteCountMax: 3)
    }
  }

  @Test("a forbidden directory is a permission error", .enabled(if: geteuid() != 0, "root may"))
  func forbidden() throws {
    let directory = try TemporaryDirectory()
    chmod(directory.path, 0o500)
    defer { chmod(directory.path, 0o700) }
    let path = directory.path + "/state"
    #expect(throws: FileError.permissionDenied(path: path)) {
      try AtomicFile.write([1], to: path)
    }
  }

  @Test("each errno has its name")
  func errnoNames() {
    #expect(FileError.failed("writing", "x", ENOSPC) == .diskFull(path: "x"))
    #expect(FileError.failed("writing", "x", EDQUOT) == .diskFull(path: "x"))
    #expect(FileError.failed("opening", "x", EACCES) == .permissionDenied(path: "x"))
    #expect(FileError.failed("opening", "x", EROFS) == .permissionDenied(path: "x"))
    #expect(FileError.failed("opening", "x", ENOENT) == .notFound(path: "x"))
    #expect(
      FileError.failed("writing", "x", EIO)
        == .system(operation: "writing", path: "x", errno: EIO))
  }
}
