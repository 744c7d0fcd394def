// Builds elements. Text only ever becomes a text node, so nothing a peer wrote can become markup.

export function element(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const node = document.createElement(tag);
  if (classes.length > 0) node.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

// The same for drawings, whose attributes are all plain text.
export function svg(name, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children.flat());
  return node;
}

// Replaces what a section shows, and keeps the keyboard's place in it.
export function show(section, ...children) {
  const focused = section.contains(document.activeElement)
    ? document.activeElement.dataset.key
    : undefined;
  section.replaceChildren(...children.flat().filter((child) => child));
  if (focused !== undefined) {
    section.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }
}

export function panelHead(title, ...more) {
  return element("header.panel-head", {}, element("h2", {}, title), ...more);
}

// A column is `[heading]` or `[heading, classes]`; its cells take the same classes.
export function table(columns, rows) {
  const heads = columns.map(([heading, classes]) =>
    element("th", { scope: "col", class: classes }, heading));
  const body = rows.map((cells) =>
    element("tr", {}, cells.map((cell, at) => element("td", { class: columns[at][1] }, cell))));
  return element(
    "div.scroll", {},
    element(
      "table", {}, element("thead", {}, element("tr", {}, heads)), element("tbody", {}, body)));
}

export function chip(kind, text) {
  return element("span.chip", { "data-kind": kind }, text);
}

export function empty(text, command) {
  return element("p.empty", {}, text, command ? element("code", {}, command) : null);
}

// A long identifier: its ends, the whole on hover, and a click copies it.
export function identifier(text, { head = 8, tail = 6, key } = {}) {
  if (!text) return element("span.muted", {}, "–");
  const isLong = text.length > head + tail + 1;
  const short = isLong ? `${text.slice(0, head)}…${text.slice(-tail)}` : text;
  const copy = async (event) => {
    const button = event.currentTarget;
    try {
      await navigator.clipboard.writeText(text);
      button.classList.add("copied");
      setTimeout(() => button.classList.remove("copied"), 900);
    } catch {
      getSelection().selectAllChildren(button);
    }
  };
  const attributes = { type: "button", title: `${text} (click to copy)`, onclick: copy };
  return element("button.identifier", { ...attributes, "data-key": key ?? text }, short);
}
