import Glibc

/// Another library's step as a child process that does steps when told so; it ends when its input
/// does. It prints its version, then for each line N the processor seconds of one of N steps.
package final class RivalProcess {
  private let input: Int32
  private let output: UnsafeMutablePointer<FILE>
  /// The library and its version.
  package let name: String

  /// Starts `command`; nil if it cannot run here.
  package init?(_ command: [String]) {
    var toChild: [Int32] = [0, 0]
    var fromChild: [Int32] = [0, 0]
    guard access(command[0], X_OK) == 0, pipe(&toChild) == 0, pipe(&fromChild) == 0 else {
      return nil
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
    posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
    for descriptor in toChild + fromChild {
      posix_spawn_file_actions_addclose(&actions, descriptor)
    }
    var child = pid_t()
    var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    let status = posix_spawn(&child, command[0], &actions, nil, &arguments, environ)
    close(toChild[0])
    close(fromChild[1])
    input = toChild[1]
    guard status == 0, let output = fdopen(fromChild[0], "r") else { return nil }
    self.output = output
    guard let name = Self.line(from: output) else { return nil }
    self.name = name
  }

  deinit {
    close(input)
    fclose(output)
  }

  /// The child's processor time of one of `count` steps.
  package func secondsOfStep(_ count: Int) -> Double? {
    let request = Array("\(count)\n".utf8)
    guard write(input, request, request.count) == request.count else { return nil }
    return Self.line(from: output).flatMap { Double($0) }
  }

  private static func line(from file: UnsafeMutablePointer<FILE>) -> String? {
    var buffer = [CChar](repeating: 0, count: 256)
    guard fgets(&buffer, Int32(buffer.count), file) != nil else { return nil }
    let text = buffer.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }
    return String(decoding: text, as: UTF8.self)
  }
}
