import NeuralNetworks
import Primitives

/// `version`, `completion`.
enum AboutCommands {
  static let version = "0.1.0"

  static let all = [
    Command(
      words: ["version"], summary: "print the version and the kernels in use",
      example: "martlet version", run: showVersion),
    Command(
      words: ["completion"], summary: "print a completion script for bash or zsh",
      positionals: ["SHELL"], example: "martlet completion bash", run: complete),
  ]

  @Sendable private static func showVersion(_ arguments: Arguments) async throws {
    let result: JSONValue = [
      "version": .string(version), "kernel_specification": .string(Kernels.specification),
      "kernel_variant": .string(Kernels.variantName),
      "kernel_variants_refused": .array(Kernels.refusedVariantNames.map { .string($0) }),
    ]
    Output.result(result, asJSON: arguments.isJSON) {
      "martlet \(version), kernels \(Kernels.specification) (\(Kernels.variantName))"
    }
  }

  @Sendable private static func complete(_ arguments: Arguments) async throws {
    Output.line(
      try Help(commands: Program.commands).completion(for: arguments.positionals[0]))
  }
}
