import ContentStore
import Primitives
import Testing

@Suite("Zip archives from outside")
struct ZipTests {
  private func little(_ value: UInt64, _ count: Int) -> Bytes {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
  }

  /// An archive of nothing whose end says that its list is elsewhere (zip64).
  private func archive(locator place: UInt64, size: UInt64, offset: UInt64) -> Bytes {
    let head: Bytes = [0x50, 0x4b, 3, 4] + Bytes(repeating: 0, count: 60)
    let end64: Bytes =
      [0x50, 0x4b, 6, 6] + Bytes(repeating: 0, count: 36) + little(size, 8) + little(offset, 8)
    let locator: Bytes = [0x50, 0x4b, 6, 7] + little(0, 4) + little(place, 8) + little(1, 4)
    let end: Bytes =
      [0x50, 0x4b, 5, 6] + Bytes(repeating: 0, count: 8) + little(0xffff_ffff, 4)
      + little(0xffff_ffff, 4) + [0, 0]
    return head + end64 + locator + end
  }

  @Test("a list at an offset that no file has is unread, not followed")
  func offsets() {
    let unread = ContentFinding.unread(reason: "the archive's list of files cannot be read")
    let far: [UInt64] = [.max, .max - 8, 1 << 63, 10_000]
    for value in far {
      for file in [
        archive(locator: value, size: 0, offset: 0), archive(locator: 64, size: value, offset: 0),
        archive(locator: 64, size: 5, offset: value),
      ] {
        #expect(inspected(file) == ContentReport(type: .zip, findings: [unread]))
      }
    }
    #expect(
      inspected(archive(locator: 64, size: 0, offset: 0))
        == ContentReport(type: .zip, findings: []))
    #expect(
      inspected(archive(locator: 64, size: 10, offset: 0))
        == ContentReport(type: .zip, findings: [unread]))
  }
}
