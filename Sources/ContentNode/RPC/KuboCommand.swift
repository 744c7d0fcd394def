/// One command: its name, what it takes, and what it does.
struct KuboCommand: Sendable {
  typealias Run = @Sendable (KuboCall) async throws -> KuboReply

  /// The words below `/api/v0`, parted by slashes.
  let path: String
  /// The names of the arguments that must be there; the last one may be there several times if
  /// `takesMore`.
  let arguments: [String]
  let takesMore: Bool
  /// Arguments that may be left out.
  let optionalCount: Int
  /// The name of the file that comes in the body, if one does.
  let fileArgument: String?
  /// The options that mean something here, for the list of commands.
  let options: [String]
  let run: Run

  init(
    _ path: String, _ arguments: [String] = [], more: Bool = false, optional: Int = 0,
    file: String? = nil, options: [String] = [], _ run: @escaping Run
  ) {
    self.path = path
    self.arguments = arguments
    takesMore = more
    optionalCount = optional
    fileArgument = file
    self.options = options
    self.run = run
  }

  /// Throws where an argument is missing, or one too many.
  func check(_ given: [String]) throws(KuboError) {
    guard given.count >= arguments.count else {
      throw .argumentMissing(name: arguments[given.count])
    }
    let limit = arguments.count + optionalCount
    guard takesMore || given.count <= limit else { throw .tooManyArguments(limit: limit) }
  }
}
