/// A number of bytes.
public struct ByteCount: Hashable, Comparable, Sendable {
  /// The number.
  public let bytes: Int

  /// Wraps a number.
  public init(_ bytes: Int) { self.bytes = bytes }

  /// 1,024 bytes each.
  public static func kibibytes(_ count: Int) -> ByteCount { ByteCount(count << 10) }
  /// 1,048,576 bytes each.
  public static func mebibytes(_ count: Int) -> ByteCount { ByteCount(count << 20) }
  /// 1,073,741,824 bytes each.
  public static func gibibytes(_ count: Int) -> ByteCount { ByteCount(count << 30) }

  /// Orders by size.
  public static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }
}
