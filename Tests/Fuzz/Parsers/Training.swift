import Node

extension FuzzedParser {
  static let training: [FuzzedParser] = [
    canonical("local-commitment", as: LocalCommitment.self),
    FuzzedParser("anchors") { _ = AnchorFile.parse($0) },
    FuzzedParser("saved-model") { fuzzSavedModel($0) },
    FuzzedParser("training-progress") { fuzzTrainingProgress($0) },
  ]
}
