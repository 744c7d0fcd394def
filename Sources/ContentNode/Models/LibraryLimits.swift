/// What one node keeps of models and data sets.
public enum LibraryLimits {
  /// Described contents, held in memory for the search: some 2 KiB each.
  public static let entriesMax = 1 << 17
  /// Accounts of one access list.
  public static let readersMax = 1_024
  /// Results of one search; a narrower query shows others.
  public static let resultsMax = 1_000
  /// Files of one directory that are looked at before it is taken.
  public static let filesMax = 65_536
  /// Bytes that `retrieveWithProvenance` gives in one piece: the largest content that is taken.
  public static let retrievedByteCountMax = 1 << 30
  /// Contents of which accesses are counted by day.
  public static let countedContentsMax = 1 << 17
  /// Days that are counted of each content; older ones stay in the sum.
  public static let countedDaysMax = 400
  /// Days since 1970 that an access log may name: a clock beyond the year 2242 is wrong.
  public static let dayMax: UInt32 = 99_999
}
