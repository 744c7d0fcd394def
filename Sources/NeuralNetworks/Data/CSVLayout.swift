/// How a CSV file becomes examples.
public struct CSVLayout: Hashable, Sendable {
  /// Whether the first line names the columns.
  public enum Header: Hashable, Sendable {
    /// It does if none of its feature fields is a number. A line of counts as scikit-learn writes
    /// it, `rows,features,class,class…`, is known by having another number of fields.
    case detected
    case present
    case absent
  }

  /// Which column is the target.
  public enum TargetColumn: Hashable, Sendable {
    case last
    /// The column that the header calls so.
    case named(String)
  }

  /// What the target column holds.
  public enum TargetRule: Hashable, Sendable {
    /// No column: every one is a feature.
    case none
    /// Whole numbers 0 ..< classes; nil takes the largest that occurs.
    case wholeNumbers(classes: Int?)
    /// Whole numbers, if every label is one; otherwise words, whose classes are counted in the
    /// order of their UTF-8 bytes. So the order of rows does not change what a class is.
    case detected
    /// These words, or the numbers of their places.
    case names([String])
    /// A number to be predicted.
    case regression
  }

  /// Features are divided by this: 16 for the digits' grey levels.
  public let featureScale: Float
  /// Whether the first line names the columns.
  public let header: Header
  /// Which column is the target.
  public let targetColumn: TargetColumn
  /// What the target column holds.
  public let target: TargetRule
  /// What stands between fields.
  public let separator: UInt8

  /// Longest line accepted: 65,536 features of 24 bytes.
  public static let lineBytesMax = 1_572_864
  /// Longest name of a column or class; longer ones are text by mistake.
  static let nameBytesMax = 256

  /// The strict form that sessions use: numbers only, no header, whole labels in the last column.
  public init(featureScale: Float = 1, classes: Int? = nil) {
    self.init(
      featureScale: featureScale, header: .absent, target: .wholeNumbers(classes: classes))
  }

  /// Checks that the scale is positive and finite.
  public init(
    featureScale: Float = 1, header: Header, targetColumn: TargetColumn = .last,
    target: TargetRule = .detected, separator: UInt8 = UInt8(ascii: ",")
  ) {
    precondition(featureScale.isFinite && featureScale > 0)
    self.featureScale = featureScale
    self.header = header
    self.targetColumn = targetColumn
    self.target = target
    self.separator = separator
  }
}
