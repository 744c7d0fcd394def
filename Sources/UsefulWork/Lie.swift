public import NeuralNetworks

/// A training function that does something else than the task says.
///
/// Used by the demonstration's liar and by tests; nobody but the liar knows about it. Each gives a
/// record that is consistent in itself, as a careful liar would.
public enum Lie: Hashable, Sendable {
  /// Random parameters, no training.
  case randomUpdate(seed: UInt64)
  /// Honest training, then the last state is base + factor · (trained − base).
  case scaled(by: Float)
  /// The base model handed back.
  case stale
  /// A peer's work under one's own name.
  case copied
  /// The last epoch is left out.
  case lastEpochSkipped
  /// Training on labels moved by one class.
  case otherData
  /// An honest commitment, another update.
  case otherUpdate
  /// One bit of one parameter changed after one step's segment.
  case oneStepAltered(step: Int)

  /// The names a command line knows.
  public static let named: [String: Lie] = [
    "random": .randomUpdate(seed: 1), "scaled": .scaled(by: 10), "stale": .stale,
    "copied": .copied, "skip-epoch": .lastEpochSkipped, "other-data": .otherData,
    "other-update": .otherUpdate, "alter-step": .oneStepAltered(step: 0),
  ]
}

extension TrainingTask {
  /// Does the task dishonestly. `peer` is what `copied` copies; without one it copies the base.
  public func execute(
    lying lie: Lie, dataset: Dataset, base: ParameterBuffer, peer: WorkResult? = nil
  ) throws(WorkError) -> WorkResult {
    try checkInputs(dataset: dataset, base: base)
    switch lie {
    case .randomUpdate(let seed):
      return pretend(base: base) {
        ParameterBuffer(randomFor: architecture, seed: seed &+ UInt64($0))
      }
    case .stale:
      return pretend(base: base) { _ in base }
    case .copied:
      guard let peer else { return pretend(base: base) { _ in base } }
      return pretend(base: base) { _ in peer.update }
    case .scaled(let factor):
      return try distort(dataset: dataset, base: base, atSegment: segments - 1) { state in
        state.parameters.values = zip(base.values, state.parameters.values).map {
          $0 + factor * ($1 - $0)
        }
      }
    case .oneStepAltered(let step):
      let segment = min(step / segmentSteps, segments - 1)
      return try distort(dataset: dataset, base: base, atSegment: segment, change: flipOneBit)
    case .lastEpochSkipped:
      return try skipLastEpoch(dataset: dataset, base: base)
    case .otherData:
      return try train(on: dataset.withShiftedLabels(), base: base)
    case .otherUpdate:
      let honest = try execute(dataset: dataset, base: base)
      var state = TrainingState(parameters: honest.update, optimizer: [], step: 0)
      flipOneBit(&state)
      return WorkResult(
        update: state.parameters, record: honest.record, evidence: honest.evidence)
    }
  }

  /// Claims made-up parameters after every segment.
  private func pretend(
    base: ParameterBuffer, _ parameters: (Int) -> ParameterBuffer
  ) -> WorkResult {
    var trace = WorkTrace(task: self, base: base, evidenceMax: SegmentStates.defaultMax)
    var state = startState(base: base)
    for segment in 0..<segments {
      state.parameters = parameters(segment)
      state.step = steps(of: segment).upperBound
      trace.append(state, root: root(of: state))
    }
    return trace.result(update: state.parameters)
  }

  /// Trains, but changes the state at the end of one segment and goes on from there.
  private func distort(
    dataset: Dataset, base: ParameterBuffer, atSegment target: Int,
    change: (inout TrainingState) -> Void
  ) throws(WorkError) -> WorkResult {
    var trace = WorkTrace(task: self, base: base, evidenceMax: SegmentStates.defaultMax)
    var run = makeRun(from: startState(base: base), dataset: dataset)
    for segment in 0..<segments {
      try advance(run, through: segment)
      if segment == target {
        var state = run.state
        change(&state)
        run = makeRun(from: state, dataset: dataset)
      }
      trace.append(run.state, root: run.stateRoot())
    }
    return trace.result(update: run.state.parameters)
  }

  /// Trains all epochs but the last, then repeats the last state with honest-looking counters.
  private func skipLastEpoch(
    dataset: Dataset, base: ParameterBuffer
  ) throws(WorkError) -> WorkResult {
    let stop = schedule.stepsPerEpoch * (settings.epochs - 1)
    var trace = WorkTrace(task: self, base: base, evidenceMax: SegmentStates.defaultMax)
    let run = makeRun(from: startState(base: base), dataset: dataset)
    for segment in 0..<segments {
      let steps = steps(of: segment)
      do {
        try run.run(steps: max(0, min(steps.upperBound, stop) - steps.lowerBound))
      } catch {
        throw .training(error)
      }
      var state = run.state
      state.step = steps.upperBound
      trace.append(state, root: root(of: state))
    }
    return trace.result(update: run.state.parameters)
  }

  /// Trains on other examples than the task names.
  private func train(on dataset: Dataset, base: ParameterBuffer) throws(WorkError) -> WorkResult {
    var trace = WorkTrace(task: self, base: base, evidenceMax: SegmentStates.defaultMax)
    let run = makeRun(from: startState(base: base), dataset: dataset)
    for segment in 0..<segments {
      try advance(run, through: segment)
      trace.append(run.state, root: run.stateRoot())
    }
    return trace.result(update: run.state.parameters)
  }
}

/// Changes the least significant bit of the first parameter.
private func flipOneBit(_ state: inout TrainingState) {
  state.parameters.values[0] = Float(bitPattern: state.parameters.values[0].bitPattern ^ 1)
}

extension Dataset {
  /// The same features with every label moved to the next class.
  func withShiftedLabels() -> Dataset {
    let moved = labels.map { ($0 + 1) % Int32(classes) }
    guard
      let other = try? Dataset(features: features, labels: moved, inputs: inputs, classes: classes)
    else { preconditionFailure("only labels changed, within their range") }
    return other
  }
}
