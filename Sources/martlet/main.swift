// Top-level code is isolated to the main actor; everything happens in one nonisolated call.
await Program.run()
