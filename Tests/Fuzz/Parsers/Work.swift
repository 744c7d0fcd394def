import UsefulWork

extension FuzzedParser {
  static let work: [FuzzedParser] = [
    canonical("training-task", as: TrainingTask.self),
    canonical("work-record", as: WorkRecord.self),
  ]
}
