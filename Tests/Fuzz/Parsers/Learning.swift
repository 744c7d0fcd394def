import FederatedLearning
import NeuralNetworks

extension FuzzedParser {
  static let learning: [FuzzedParser] = [
    FuzzedParser("model-configuration") { fuzzModelConfiguration($0) },
    FuzzedParser("dataset-csv") { fuzzDatasetCSV($0) },
    FuzzedParser("npy") { fuzzNPY($0) },
    FuzzedParser("npz") { fuzzNPZ($0) },
    FuzzedParser("idx") { fuzzIDX($0) },
    FuzzedParser("vocabulary") { fuzzVocabulary($0) },
    FuzzedParser("checkpoint") { fuzzCheckpoint($0) },
    FuzzedParser("onnx") { fuzzONNX($0) },
    FuzzedParser("safetensors") { fuzzSafetensors($0) },
    canonical("model-architecture", as: ModelArchitecture.self),
    FuzzedParser("operation-evidence") { fuzzOperationEvidence($0) },
    canonical("training-settings", as: TrainingSettings.self),
    canonical("dataset", as: Dataset.self),
    canonical("session-event", as: SessionEvent.self),
  ]
}
