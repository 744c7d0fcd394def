/// A function with a body, and the lines from its first word to its closing brace.
struct FunctionShape: Equatable {
  let name: String
  let line: Int
  let lineCount: Int
}

/// Returns every function and initializer with a body.
func functions(in tokens: [Token]) -> [FunctionShape] {
  tokens.indices.compactMap { start in
    guard isFunctionStart(tokens, at: start), let open = bodyStart(tokens, after: start),
      let close = closingBrace(tokens, of: open)
    else { return nil }
    let name = tokens[start].text == "func" ? tokens[start + 1].text : "init"
    return FunctionShape(
      name: name, line: tokens[start].line,
      lineCount: tokens[close].line - tokens[start].line + 1)
  }
}

private func isFunctionStart(_ tokens: [Token], at index: Int) -> Bool {
  let before = index > 0 ? tokens[index - 1].text : ""
  guard before != ".", index + 1 < tokens.count else { return false }
  if tokens[index].text == "func" { return true }
  return tokens[index].text == "init" && ["(", "<", "?", "!"].contains(tokens[index + 1].text)
}

/// Words that begin the next member, so that what came before was a requirement without a body.
private let declarationWords: Set<String> = [
  "func", "init", "var", "let", "static", "mutating", "case", "associatedtype", "subscript",
  "public", "package", "private", "struct", "enum", "extension", "typealias", "@", "}",
]

private func bodyStart(_ tokens: [Token], after start: Int) -> Int? {
  var depth = 0
  for index in tokens.indices[(start + 1)...] {
    switch tokens[index].text {
    case "(", "[": depth += 1
    case ")", "]": depth -= 1
    case "{" where depth == 0: return index
    case let word where depth == 0 && declarationWords.contains(word): return nil
    default: break
    }
  }
  return nil
}

private func closingBrace(_ tokens: [Token], of open: Int) -> Int? {
  var depth = 0
  for index in tokens.indices[open...] {
    if tokens[index].text == "{" { depth += 1 }
    if tokens[index].text == "}" { depth -= 1 }
    if depth == 0 { return index }
  }
  return nil
}

/// Returns the lines on which these words and signs stand in this order.
func lines(in tokens: [Token], with sequence: [String]) -> [Int] {
  guard tokens.count >= sequence.count else { return [] }
  return (0...(tokens.count - sequence.count)).filter { start in
    sequence.indices.allSatisfy { tokens[start + $0].text == sequence[$0] }
  }.map { tokens[$0].line }
}

/// Returns the modules a file imports.
func imports(in tokens: [Token]) -> [String] {
  tokens.indices.compactMap { index in
    guard tokens[index].text == "import", index + 1 < tokens.count else { return nil }
    if index > 0, tokens[index - 1].text == "." { return nil }
    let kinds = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
    let next = kinds.contains(tokens[index + 1].text) ? index + 2 : index + 1
    return next < tokens.count ? tokens[next].text : nil
  }
}

/// Members whose protocol already says what they are.
private let documentedElsewhere = [
  "func = =", "func <", "var description", "func hash (", "init ( from", "func encode ( to",
  "func enqueue", "func checkIsolated", "func isIsolatingCurrentContext", "func asUnowned",
  "func isSameExclusiveExecutionContext",
]

/// Returns the lines of `public` and `package` declarations without a `///` above them.
func undocumentedLines(in file: SourceFile, tokens: [Token]) -> [Int] {
  let lines = file.lines
  return firstTokens(of: tokens).filter { index in
    guard ["public", "package", "open"].contains(tokens[index].text),
      index + 1 < tokens.count, ![".", "import", "extension"].contains(tokens[index + 1].text)
    else { return false }
    let declaration = tokens[index...].prefix(8).map(\.text).joined(separator: " ")
    if documentedElsewhere.contains(where: declaration.contains) { return false }
    return !isDocumented(line: tokens[index].line, in: lines)
  }.map { tokens[$0].line }
}

/// Returns the first token of each line, attributes such as `@inlinable` passed over.
private func firstTokens(of tokens: [Token]) -> [Int] {
  var firsts: [Int] = []
  var index = 0
  while index < tokens.count {
    var first = index
    let line = tokens[index].line
    while first < tokens.count, tokens[first].text == "@" {
      first += 2
      if first < tokens.count, tokens[first].text == "(", tokens[first].line == line {
        while first < tokens.count, tokens[first].text != ")" { first += 1 }
        first += 1
      }
    }
    if first < tokens.count { firsts.append(first) }
    index = max(first, index)
    let last = index < tokens.count ? tokens[index].line : line
    while index < tokens.count, tokens[index].line <= last { index += 1 }
  }
  return firsts
}

private func isDocumented(line: Int, in lines: [Substring]) -> Bool {
  var above = line - 2
  while above >= 0 {
    let text = lines[above].drop { $0 == " " }
    if text.hasPrefix("@") || text.hasPrefix("#if") || text.hasPrefix("// swift-format-ignore") {
      above -= 1
    } else {
      return text.hasPrefix("///")
    }
  }
  return false
}
