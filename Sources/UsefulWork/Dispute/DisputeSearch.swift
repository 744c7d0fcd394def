import Cryptography

/// Where the two records part: the narrowing half of `DisputeMachine`, without time.
struct DisputeSearch: Sendable {
  /// What an answer says once it is checked against what bound the party before.
  enum Reading: Sendable, Equatable {
    case value(Digest)
    /// A new root to be bound to; `last` is the value at the end of the new sequence.
    case commitment(root: Digest, last: Digest)
    case opening(OperatorCase, claim: Digest)
  }

  /// What comes after a round.
  enum Next: Sendable, Equatable {
    case ask(DisputeQuery)
    case recompute(DisputeSides<OperatorCase>)
    /// They do not differ where they were said to.
    case agreed
  }

  /// How far the search has come.
  struct Place: Sendable, Equatable {
    var segment: Int?
    var step: Int?
    var operatorIndex: Int?
  }

  private let terms: DisputeTerms
  private(set) var place = Place()
  private var segments: Bisection?
  private var steps: Bisection?
  private var operators: Bisection?
  private var stepRoots = DisputeSides<Digest>(first: .zero, second: .zero)
  private var operatorRoots = DisputeSides<Digest>(first: .zero, second: .zero)
  private var openings: DisputeSides<Digest>?

  init(terms: DisputeTerms) { self.terms = terms }

  /// The digest that a party claims for the operator found.
  func claim(of side: DisputeSide) -> Digest? { openings?[side] }

  /// Takes the checked answers of a round.
  mutating func advance(_ query: DisputeQuery, _ readings: DisputeSides<Reading>) -> Next {
    switch (readings.first, readings.second) {
    case (.value(let first), .value(let second)):
      return narrow(query, DisputeSides(first: first, second: second))
    case (.commitment(let first, let firstLast), .commitment(let second, let secondLast)):
      let lasts = DisputeSides(first: firstLast, second: secondLast)
      return bind(query, DisputeSides(first: first, second: second), lasts: lasts)
    case (.opening(let first, let firstClaim), .opening(let second, let secondClaim)):
      openings = DisputeSides(first: firstClaim, second: secondClaim)
      return .recompute(DisputeSides(first: first, second: second))
    case (.value, _), (.commitment, _), (.opening, _):
      preconditionFailure("both readings are of one query")
    }
  }

  private mutating func narrow(_ query: DisputeQuery, _ values: DisputeSides<Digest>) -> Next {
    switch query {
    case .segmentRoot:
      if segments == nil {
        guard values.first != values.second else { return .agreed }
        segments = Bisection(start: terms.startRoot, upper: terms.segment + 1, claims: values)
      } else {
        segments?.narrow(values)
      }
    case .stepRoot: steps?.narrow(values)
    case .operatorLink: operators?.narrow(values)
    case .stepCommitment, .operatorCommitment, .opening: break
    }
    return next()
  }

  private mutating func bind(
    _ query: DisputeQuery, _ roots: DisputeSides<Digest>, lasts: DisputeSides<Digest>
  ) -> Next {
    switch query {
    case .stepCommitment(let segment):
      stepRoots = roots
      beginSteps(of: segment)
    case .operatorCommitment(let step):
      operatorRoots = roots
      beginOperators(of: step, lasts: lasts)
    case .segmentRoot, .stepRoot, .operatorLink, .opening: break
    }
    return next()
  }

  /// The next question: the innermost bisection that has begun decides.
  private mutating func next() -> Next {
    if let operators { return next(inOperators: operators) }
    if let steps { return next(inSteps: steps) }
    guard let segments else { return .agreed }
    guard let segment = segments.item else {
      return .ask(.segmentRoot(segment: segments.middle - 1))
    }
    place.segment = segment
    guard terms.steps(of: segment).count > 1 else {
      // The segment's root is its only step's.
      beginSteps(of: segment)
      return next()
    }
    return .ask(.stepCommitment(segment: segment))
  }

  private mutating func next(inSteps steps: Bisection) -> Next {
    guard let segment = place.segment else { return .agreed }
    let first = terms.steps(of: segment).lowerBound
    guard let item = steps.item else { return .ask(.stepRoot(step: first + steps.middle - 1)) }
    place.step = first + item
    guard terms.operatorCount(first + item) > 1 else {
      let links = DisputeSides(
        first: OperatorChain.link(steps.agreed, steps.claims.first),
        second: OperatorChain.link(steps.agreed, steps.claims.second))
      beginOperators(of: first + item, lasts: links)
      return next()
    }
    return .ask(.operatorCommitment(step: first + item))
  }

  private mutating func next(inOperators operators: Bisection) -> Next {
    guard let step = place.step else { return .agreed }
    guard let item = operators.item else {
      return .ask(.operatorLink(step: step, operatorIndex: operators.middle - 1))
    }
    place.operatorIndex = item
    return .ask(.opening(step: step, operatorIndex: item))
  }

  private mutating func beginSteps(of segment: Int) {
    guard let segments else { return }
    steps = Bisection(
      start: segments.agreed, upper: terms.steps(of: segment).count, claims: segments.claims)
  }

  private mutating func beginOperators(of step: Int, lasts: DisputeSides<Digest>) {
    guard let steps else { return }
    operators = Bisection(
      start: steps.agreed, upper: max(1, terms.operatorCount(step)), claims: lasts)
  }
}

// What binds a party.
extension DisputeSearch {
  /// Checks an answer against everything that the party said before.
  func read(
    _ answer: DisputeAnswer, to query: DisputeQuery, of side: DisputeSide
  ) throws(DisputeFault) -> Reading {
    switch (query, answer) {
    case (.segmentRoot(let segment), .value(let root, let proof)):
      try check(
        proof, of: root, at: WorkRecord.headLeaves + segment,
        count: WorkRecord.headLeaves + terms.segments, under: terms.workRoots[side])
      return .value(root)
    case (.stepRoot(let step), .value(let root, let proof)):
      let range = terms.steps(of: step / terms.segmentSteps)
      try check(
        proof, of: root, at: step - range.lowerBound, count: range.count, under: stepRoots[side])
      return .value(root)
    case (.operatorLink(let step, let index), .value(let link, let proof)):
      try check(
        proof, of: link, at: index, count: terms.operatorCount(step), under: operatorRoots[side])
      return .value(link)
    case (.stepCommitment(let segment), .stepCommitment(let root, let proof)):
      return try readSteps(root, proof, segment: segment, of: side)
    case (.operatorCommitment(let step), .operatorCommitment(let root, let before, let proof)):
      return try readOperators(root, before: before, proof, step: step, of: side)
    case (.opening(let step, let index), .opening(let digests, let inputs)):
      return try readOpening(digests, inputs, step: step, index: index, of: side)
    default: throw .otherQuestion
    }
  }

  private func check(
    _ proof: MerkleProof, of digest: Digest, at index: Int, count: Int, under root: Digest
  ) throws(DisputeFault) {
    guard proof.index == index, proof.leafCount == count,
      proof.proves(OperatorChain.leaf(digest), under: root)
    else { throw .notCommitted }
  }

  private func readSteps(
    _ root: Digest, _ proof: MerkleProof, segment: Int, of side: DisputeSide
  ) throws(DisputeFault) -> Reading {
    guard let claim = segments?.claims[side] else { throw .otherQuestion }
    let count = terms.steps(of: segment).count
    guard proof.index == count - 1, proof.leafCount == count,
      proof.proves(OperatorChain.leaf(claim), under: root)
    else { throw .otherEnd }
    return .commitment(root: root, last: claim)
  }

  private func readOperators(
    _ root: Digest, before: Digest, _ proof: MerkleProof, step: Int, of side: DisputeSide
  ) throws(DisputeFault) -> Reading {
    guard let claim = steps?.claims[side] else { throw .otherQuestion }
    let count = terms.operatorCount(step)
    let last = OperatorChain.link(before, claim)
    guard proof.index == count - 1, proof.leafCount == count,
      proof.proves(OperatorChain.leaf(last), under: root)
    else { throw .otherEnd }
    return .commitment(root: root, last: last)
  }

  private func readOpening(
    _ digests: [Digest], _ inputs: [UInt8], step: Int, index: Int, of side: DisputeSide
  ) throws(DisputeFault) -> Reading {
    guard let steps, let operators, let claim = digests.last else { throw .otherPrefix }
    let before = Array(digests.dropLast())
    let start = steps.agreed
    guard before.count == index, inputs.count <= DisputeLimits.inputsMax,
      OperatorChain.links(from: start, over: before).last ?? start == operators.agreed,
      OperatorChain.link(operators.agreed, claim) == operators.claims[side]
    else { throw .otherPrefix }
    let operation = OperatorCase(
      step: step, operatorIndex: index, startRoot: start, digests: before, inputs: inputs)
    return .opening(operation, claim: claim)
  }
}
