import CISAL
public import Primitives

/// A systematic Reed–Solomon code over GF(2⁸) with a Cauchy matrix (Blömer et al.: "An XOR-Based
/// Erasure-Resilient Coding Scheme", ICSI TR-95-048): of `dataCount` blocks and `parityCount` more,
/// any `dataCount` give all of them.
public struct ErasureCode: Hashable, Sendable {
  /// What codes are offered: within one row of GF(2⁸), and small enough that a repair, which reads
  /// `dataCount` blocks, stays cheap.
  public static let dataCounts = 1...32
  /// How many lost blocks a code may outlive.
  public static let parityCounts = 1...16
  /// Four lost of fourteen, for 1.4 times the bytes.
  public static let standard = ErasureCode(checkedDataCount: 10, parityCount: 4)

  /// Blocks that are kept as they are.
  public let dataCount: Int
  /// Blocks that are computed of them.
  public let parityCount: Int
  /// All blocks of a group.
  public var count: Int { dataCount + parityCount }

  /// Makes a code; nil outside `dataCounts` and `parityCounts`.
  public init?(dataCount: Int, parityCount: Int) {
    guard Self.dataCounts.contains(dataCount), Self.parityCounts.contains(parityCount) else {
      return nil
    }
    self.init(checkedDataCount: dataCount, parityCount: parityCount)
  }

  private init(checkedDataCount dataCount: Int, parityCount: Int) {
    self.dataCount = dataCount
    self.parityCount = parityCount
  }

  /// One row for each block: the identity, then 1 / (row + column) in the field.
  private var matrix: [UInt8] {
    var matrix = [UInt8](repeating: 0, count: count * dataCount)
    gf_gen_cauchy1_matrix(&matrix, Int32(count), Int32(dataCount))
    return matrix
  }

  /// The parity of at most `dataCount` blocks, each as long as the longest of them. Missing
  /// blocks and the ends of short ones count as zeros.
  public func parity(of blocks: [Bytes]) -> [Bytes] {
    precondition(blocks.count <= dataCount)
    let rows = Array(matrix[(dataCount * dataCount)...])
    return product(rows, with: blocks.map { Optional($0) }, byteCount: blocks.longest)
  }

  /// All data blocks of a group, each of `byteCount` bytes, of its data and parity blocks in order;
  /// nil where fewer than `dataCount` are there. Data blocks behind the group's last are empty,
  /// not nil.
  public func restored(_ blocks: [Bytes?], byteCount: Int) -> [Bytes]? {
    precondition(blocks.count == count && blocks.allSatisfy { ($0?.count ?? 0) <= byteCount })
    let present = blocks.indices.filter { blocks[$0] != nil }.prefix(dataCount)
    guard present.count == dataCount else { return nil }
    let matrix = matrix
    var known = present.flatMap { matrix[$0 * dataCount..<($0 + 1) * dataCount] }
    var inverse = [UInt8](repeating: 0, count: dataCount * dataCount)
    let status = gf_invert_matrix(&known, &inverse, Int32(dataCount))
    precondition(status == 0, "every square part of a Cauchy matrix has an inverse")
    let lost = (0..<dataCount).filter { blocks[$0] == nil }
    let rows = lost.flatMap { inverse[$0 * dataCount..<($0 + 1) * dataCount] }
    let found = product(rows, with: present.map { blocks[$0] }, byteCount: byteCount)
    var restored = (0..<dataCount).map { blocks[$0] ?? [] }
    for (position, block) in zip(lost, found) { restored[position] = block }
    return restored
  }

  /// Rows of a matrix times blocks.
  private func product(_ rows: [UInt8], with blocks: [Bytes?], byteCount: Int) -> [Bytes] {
    let rowCount = rows.count / dataCount
    guard rowCount > 0, byteCount > 0 else { return Array(repeating: [], count: rowCount) }
    // The library reads whole rows of equal length: one buffer holds them, then the results.
    var buffer = Bytes(repeating: 0, count: (dataCount + rowCount) * byteCount)
    buffer.withUnsafeMutableBytes { bytes in
      for case (let position, let block?) in blocks.enumerated() {
        UnsafeMutableRawBufferPointer(rebasing: bytes[(position * byteCount)...])
          .copyBytes(from: block)
      }
      let base = bytes.bindMemory(to: UInt8.self).baseAddress!
      var sources = (0..<dataCount).map { Optional(base + $0 * byteCount) }
      var results = (0..<rowCount).map { Optional(base + (dataCount + $0) * byteCount) }
      var rows = rows
      // 32 bytes for each coefficient, as the library's kernels want them.
      var tables = [UInt8](repeating: 0, count: 32 * rows.count)
      ec_init_tables(Int32(dataCount), Int32(rowCount), &rows, &tables)
      ec_encode_data(
        Int32(byteCount), Int32(dataCount), Int32(rowCount), &tables, &sources, &results)
    }
    return (0..<rowCount).map { row in
      Bytes(buffer[(dataCount + row) * byteCount..<(dataCount + row + 1) * byteCount])
    }
  }
}

extension [Bytes] {
  fileprivate var longest: Int { map(\.count).max() ?? 0 }
}
