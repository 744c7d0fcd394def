package import Primitives

/// The format of the MNIST files (Y. LeCun, "THE IDX FILE FORMAT"): two zero bytes, the type of the
/// elements, the number of dimensions, big-endian 32-bit sizes, big-endian numbers.
public enum IDX {
  /// Reads the header; the numbers stay where they are.
  public static func array(in source: ByteSource) throws(DatasetError) -> StoredArray {
    let start = try source.bytes(at: 0, limit: 4)
    guard start.count == 4 else { throw .truncated(format: "idx", have: start.count, need: 4) }
    guard start[0] == 0, start[1] == 0 else {
      throw .header(format: "idx", reason: "it does not begin with two zero bytes")
    }
    let number = try number(start[2])
    let dimensions = Int(start[3])
    guard (1...StoredArray.dimensionsMax).contains(dimensions) else {
      throw .header(format: "idx", reason: "\(dimensions) dimensions")
    }
    let offset = 4 + dimensions * 4
    let sizes = try source.bytes(at: 4, limit: dimensions * 4)
    guard sizes.count == dimensions * 4 else {
      throw .truncated(format: "idx", have: source.count, need: offset)
    }
    let shape = (0..<dimensions).map { dimension in
      sizes[dimension * 4..<dimension * 4 + 4].reduce(0) { $0 << 8 | Int($1) }
    }
    return try StoredArray(
      shape: shape, number: number, offset: offset, source: source, format: "idx")
  }

  private static func number(_ code: UInt8) throws(DatasetError) -> StoredNumber {
    let (kind, bytes): (StoredNumber.Kind, Int) =
      switch code {
      case 0x08: (.unsigned, 1)
      case 0x09: (.signed, 1)
      case 0x0b: (.signed, 2)
      case 0x0c: (.signed, 4)
      case 0x0d: (.float, 4)
      case 0x0e: (.float, 8)
      default: throw .elementType("\(code)", format: "idx")
      }
    return StoredNumber(kind: kind, bytes: bytes, isBigEndian: true)
  }
}

/// Fuzz entry: any bytes give numbers or a `DatasetError`.
package func fuzzIDX(_ bytes: Bytes) {
  guard let array = try? IDX.array(in: ByteSource(bytes)) else { return }
  _ = try? array.floats()
  guard var source = try? StoredArraySource(features: array, labels: nil) else { return }
  _ = try? source.table()
}
