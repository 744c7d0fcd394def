// What a model was made of, as a graph: the oldest on the left, the model on the right.

import { element, empty, identifier, panelHead, show, svg } from "./dom.js";
import { bytes, words } from "./format.js";

const box = { width: 184, height: 50, columnGap: 56, rowGap: 14 };
// More boxes than this nobody reads; the API gives them all.
const nodesShownMax = 60;
const nameLengthMax = 23;
const unproven = {
  unrecorded: "no record", missing: "record not here", refused: "record refused",
};

function shortened(text) {
  return text.length > nameLengthMax ? `${text.slice(0, nameLengthMax - 1)}…` : text;
}

function label(node) {
  const { statement, state, cid } = node;
  if (!statement) return [`${cid.slice(0, 10)}…${cid.slice(-6)}`, unproven[state] ?? words(state)];
  return [statement.name || cid.slice(0, 16), `${statement.type}, ${bytes(statement.size)}`];
}

// Each generation is a column; within one, nodes stand in the order of the walk.
function places(nodes) {
  const generations = Math.max(...nodes.map((node) => node.generation)) + 1;
  const filled = new Array(generations).fill(0);
  const found = new Map();
  for (const node of nodes) {
    const row = filled[node.generation]++;
    found.set(node.cid, {
      x: (generations - 1 - node.generation) * (box.width + box.columnGap),
      y: row * (box.height + box.rowGap),
    });
  }
  return {
    found, width: generations * (box.width + box.columnGap) - box.columnGap,
    height: Math.max(...filled) * (box.height + box.rowGap) - box.rowGap,
  };
}

function edge(from, to) {
  const [x1, y1] = [from.x + box.width, from.y + box.height / 2];
  const [x2, y2] = [to.x, to.y + box.height / 2];
  const middle = (x1 + x2) / 2;
  return svg("path", {
    class: "graph-edge", d: `M${x1} ${y1} C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`,
  });
}

function drawnNode(node, { x, y }) {
  const [name, facts] = label(node);
  const licence = node.statement?.licence ? `, licence ${node.statement.licence}` : "";
  return svg(
    "g", { class: "graph-node", "data-state": node.state, transform: `translate(${x} ${y})` },
    svg("title", {}, `${name}, ${facts}${licence}\n${node.cid}`),
    svg("rect", { width: box.width, height: box.height, rx: 8 }),
    svg("text", { class: "graph-name", x: 12, y: 21 }, shortened(name)),
    svg("text", { class: "graph-facts", x: 12, y: 39 }, shortened(facts)));
}

function graph(nodes) {
  const { found, width, height } = places(nodes);
  const edges = nodes.flatMap((node) =>
    (node.statement?.parents ?? []).filter((parent) => found.has(parent))
      .map((parent) => edge(found.get(parent), found.get(node.cid))));
  const names = nodes.map((node) => label(node)[0]).join(", ");
  return svg(
    "svg",
    { class: "graph", role: "img", "aria-label": `Made of: ${names}`,
      width: width + 2, height: height + 2, viewBox: `-1 -1 ${width + 2} ${height + 2}` },
    edges, nodes.map((node) => drawnNode(node, found.get(node.cid))));
}

function picker(contents, cid, onPick) {
  const options = contents.map((content) =>
    element("option", { value: content.cid, selected: content.cid === cid },
      content.name || content.cid));
  return element(
    "select",
    { "aria-label": "Model or data set", "data-key": "described",
      onchange: (event) => onPick(event.target.value) },
    options);
}

export function showProvenance(section, contents, walk, onPick) {
  if (!walk) {
    show(section, panelHead("Provenance"),
      empty("Nothing is described yet. Sign a record with ", "martlet content add PATH --model"));
    return;
  }
  const shown = walk.nodes.slice(0, nodesShownMax);
  const isCut = walk.cut || shown.length < walk.nodes.length;
  show(
    section, panelHead("Provenance", picker(contents, walk.cid, onPick)),
    element("div.scroll", {}, graph(shown)),
    element(
      "p.aggregate", {}, "Content ", identifier(walk.cid, { key: "walk-cid" }),
      isCut ? " More ancestors are left out." : ""));
}
