internal import Charts
internal import ContentStore
internal import Networking
internal import Primitives

/// The pages that a gateway writes itself: one file each, without scripts and outside assets.
enum ContentPage {
  /// Part of the pages' tags; changes whenever the pages do.
  static let version = "1"

  /// Nothing of a page but its own style may run or load.
  private static let policy = "default-src 'none'; style-src 'unsafe-inline'"

  static func headers(of content: GatewayContent, _ tag: EntityTag) -> HTTPHeaders {
    var headers = content.headers(tag, type: "text/html; charset=utf-8", isPage: true)
    headers.append("Content-Security-Policy", policy)
    return headers
  }

  // MARK: - Directories

  static func directory(
    _ entries: [UnixFSEntry], _ content: GatewayContent, isCut: Bool
  ) -> String {
    let place = Place(content.asked.path)
    var rows = ""
    if let parent = place.parent {
      rows += row(link(parent, ".."), size: "", hash: "")
    }
    for entry in entries {
      let segment = HTTPPercent.encode(entry.text)
      rows += row(
        link(place.path + segment, entry.text),
        size: "\(ByteCount(Int(clamping: entry.tsize)))",
        hash: hash(entry.cid, filename: segment))
    }
    let note =
      isCut
      ? "<p>There are more entries; these are the first \(entries.count) that were found.</p>" : ""
    return page(
      title: place.text, heading: "Index of \(place.breadcrumbs)",
      body: """
        <p class="cid">\(Markup.escaped("\(content.cid)"))</p>
        <table>
        <thead><tr><th>Name</th><th class="size">Size of the DAG</th><th>CID</th></tr></thead>
        <tbody>
        \(rows)</tbody>
        </table>
        \(note)\(forms(content, ["car", "tar", "raw"]))
        """)
  }

  private static func row(_ name: String, size: String, hash: String) -> String {
    "<tr><td>\(name)</td><td class=\"size\">\(size)</td><td>\(hash)</td></tr>\n"
  }

  /// A CID in brief, leading to the entry under a path of its own.
  private static func hash(_ cid: CID, filename: String) -> String {
    let text = "\(cid)"
    let brief = text.count > 16 ? "\(text.prefix(8))…\(text.suffix(6))" : text
    let target = "/ipfs/\(text)?filename=\(filename)"
    return """
      <a class="cid" translate="no" title="\(Markup.escaped(text))" \
      href="\(Markup.escaped(target))">\(Markup.escaped(brief))</a>
      """
  }

  // MARK: - Values

  static func value(_ block: Bytes, _ content: GatewayContent, shownBytesMax: Int) -> String {
    let place = Place(content.asked.path)
    let value = try? IPLDValue(decoding: block, of: content.cid)
    let json = value.flatMap { try? DagJSON.encode($0) } ?? block
    let shown = String(decoding: json.prefix(shownBytesMax), as: UTF8.self)
    let links = Array((value.map(DagLinks.links(in:)) ?? []).prefix(linksMax))
    let list = links.map { "<li>\(link("/ipfs/\($0)", "\($0)"))</li>" }.joined(separator: "\n")
    let codec = content.cid.codec.name
    return page(
      title: place.text, heading: place.breadcrumbs,
      body: """
        <p class="cid">\(Markup.escaped("\(content.cid)")) (\(codec), \(block.count) bytes)</p>
        <pre>\(Markup.escaped(shown))\(json.count > shownBytesMax ? "…" : "")</pre>
        \(list.isEmpty ? "" : "<h2>Links</h2>\n<ul>\n\(list)\n</ul>")
        \(forms(content, [codec, "raw", "car"]))
        """)
  }

  /// Links of a value that its page lists.
  private static let linksMax = 1_000

  // MARK: - Parts

  /// Where a page stands, and the way there.
  private struct Place {
    /// With a slash at the end.
    let path: String
    let text: String
    let breadcrumbs: String
    /// Nil for the root itself.
    let parent: String?

    init(_ sent: String) {
      let parts = sent.utf8.split(separator: UInt8(ascii: "/"))
        .map { HTTPPercent.decode($0) ?? "" }
      var (path, crumbs) = ("/", "/")
      for (index, part) in parts.enumerated() {
        path += HTTPPercent.encode(part) + "/"
        // The namespace itself has no page.
        crumbs += index == 0 ? Markup.escaped(part) : link(path, part)
        crumbs += "/"
      }
      self.path = path
      text = "/" + parts.joined(separator: "/")
      breadcrumbs = crumbs
      parent =
        parts.count > 2
        ? "/" + parts.dropLast().map(HTTPPercent.encode).joined(separator: "/") + "/" : nil
    }
  }

  private static func link(_ target: String, _ text: String) -> String {
    "<a href=\"\(Markup.escaped(target))\">\(Markup.escaped(text))</a>"
  }

  private static func forms(_ content: GatewayContent, _ formats: [String]) -> String {
    let links = formats.map { link("?format=\($0)", $0) }.joined(separator: " · ")
    return "<p>As \(links)</p>"
  }

  private static func page(title: String, heading: String, body: String) -> String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(Markup.escaped(title))</title>
    <style>
    :root { color-scheme: light dark; }
    body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem;
      padding: 0 1rem; }
    h1 { font-size: 1.1rem; font-weight: 600; overflow-wrap: anywhere; }
    h2 { font-size: 1rem; }
    a { color: light-dark(#0b5394, #8ab4f8); text-decoration: none; }
    a:hover { text-decoration: underline; }
    table { border-collapse: collapse; width: 100%; }
    th, td { padding: 0.3rem 0.6rem 0.3rem 0; text-align: left; overflow-wrap: anywhere;
      border-bottom: 1px solid light-dark(#dddddd, #3a3a3a); }
    th { font-weight: 600; }
    .size { text-align: right; white-space: nowrap; padding-right: 1.5rem; }
    .cid, pre { font-family: ui-monospace, monospace; font-size: 0.85rem; }
    pre { white-space: pre-wrap; overflow-wrap: anywhere; }
    </style>
    </head>
    <body>
    <h1>\(heading)</h1>
    \(body)
    </body>
    </html>

    """
  }
}
