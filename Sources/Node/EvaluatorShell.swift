internal import FederatedLearning
package import Networking
internal import NeuralNetworks
internal import Orchestration
internal import Peering
internal import Primitives

/// An evaluator: scores models on the sealed test set.
package actor EvaluatorShell {
  nonisolated package var unownedExecutor: UnownedSerialExecutor { materials.unownedExecutor }
  private nonisolated let materials: SessionMaterials
  private let compute: ComputePool

  /// An evaluator that fetches through `materials`.
  package init(materials: SessionMaterials, compute: ComputePool) {
    self.materials = materials
    self.compute = compute
  }

  /// Answers the coordinator's calls.
  package func answer(_ call: RPCCall) async -> RPCAnswer {
    guard call.request.method == RPCMethod.evaluate else {
      return .failure(.unknownMethod(call.request.method))
    }
    do {
      let score = try await score(EvaluationRequest(decoding: call.request.body))
      return .success(score.encoded())
    } catch {
      return .failure(.describing(error))
    }
  }

  private func score(_ request: EvaluationRequest) async throws -> RoundScore {
    let specification = try await materials.specification(request.specification)
    let testSet = try await materials.dataset(specification.testSet)
    let model = try await materials.model(
      request.model, architecture: specification.architecture)
    return try await compute.run {
      let result = try Evaluation(
        model, architecture: specification.architecture, source: testSet)
      return RoundScore(accuracy: Float(result.accuracy), loss: Float(result.loss))
    }
  }
}
