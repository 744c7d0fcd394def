/// The program: arguments → one call → printed result.
enum Program {
  nonisolated static func run() async {}
}
