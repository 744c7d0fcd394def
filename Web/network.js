// Nodes, balances and blocks.

import { chip, element, empty, identifier, panelHead, show, table } from "./dom.js";
import { age, amount, clockTime, count, decimal, exactAmount, words } from "./format.js";
import { labelOf, nodeLabel, state } from "./state.js";

const stateKinds = { connected: "good", disconnected: "plain", slashed: "bad" };

function money(baseUnits) {
  const { decimals, symbol } = state.ledger ?? {};
  if (decimals === undefined || baseUnits === null || baseUnits === undefined) return "–";
  const exact = exactAmount(baseUnits, decimals, symbol);
  return element("span.figure", { title: exact }, amount(baseUnits, decimals));
}

const nodeColumns = [
  ["Node"], ["State"], ["Clients", "figure optional"], ["Stake", "number"], ["Peer", "optional"],
  ["Seen", "number optional"],
];

function nodeName({ label, role }) {
  const name = element("strong", {}, label || role);
  return label && !label.startsWith(role) ? [name, element("span.role", {}, role)] : name;
}

function nodeCells(node) {
  const hosting = (node.hosting ?? []).join(", ");
  return [
    nodeName(node),
    chip(stateKinds[node.state] ?? "plain", words(node.state)),
    hosting || "–",
    money(node.stake),
    identifier(node.peer_id, { head: 6, tail: 6 }),
    element("span.age", { "data-time": node.last_seen_ms }, age(node.last_seen_ms)),
  ];
}

export function showNodes(section) {
  const { nodes } = state;
  const up = nodes.filter((node) => node.state === "connected").length;
  const summary = nodes.length > 0
    ? element("span.muted", {}, `${up} of ${nodes.length} connected`)
    : null;
  show(
    section, panelHead("Nodes", summary),
    nodes.length === 0
      ? empty("No node has joined. Start one with ", "martlet node start --role worker --join …")
      : table(nodeColumns, nodes.map(nodeCells)));
}

const accountColumns = [
  ["Account"], ["Balance", "number"], ["Stake", "number"], ["Standing", "number figure optional"],
];

function accountCells(account) {
  const isJudged = (account.accepted ?? 0) + (account.rejected ?? 0) > 0;
  const standing = isJudged ? decimal(account.reputation, 2) : "–";
  const name = [
    element("strong", {}, account.label || "account"),
    identifier(account.account, { head: 4, tail: 4 }),
  ];
  return [name, money(account.balance), money(account.stake), standing];
}

export function showBalances(section) {
  const { accounts, ledger } = state;
  const supply = ledger
    ? element(
      "span.muted", { title: exactAmount(ledger.supply, ledger.decimals, ledger.symbol) },
      `${ledger.symbol}, supply ${amount(ledger.supply, ledger.decimals, 0)}`)
    : null;
  show(
    section, panelHead("Balances", supply),
    accounts.length === 0
      ? empty("No account holds anything yet.")
      : table(accountColumns, accounts.map(accountCells)));
}

const blockColumns = [
  ["Height", "figure"], ["Hash"], ["Transactions", "number figure"], ["Proposer", "optional"],
  ["Time", "number figure"],
];

function blockCells(block) {
  return [
    count(block.height), identifier(block.hash), count(countOf(block.transactions)),
    labelOf(block.proposer) ?? nodeLabel(block.proposer) ?? "–", clockTime(block.time_ms),
  ];
}

function countOf(transactions) {
  return Array.isArray(transactions) ? transactions.length : transactions;
}

export function showBlocks(section) {
  const { blocks, ledger } = state;
  const summary = ledger
    ? element("span.muted", {}, `height ${count(ledger.height)}, beacon: ${words(ledger.beacon)}`)
    : null;
  show(
    section, panelHead("Blocks", summary),
    blocks.length === 0
      ? empty("The chain has only its genesis.")
      : table(blockColumns, blocks.map(blockCells)));
}

// Ages grow without any answer from the API, so only their text is renewed.
export function refreshAges(root) {
  for (const cell of root.querySelectorAll("[data-time]")) {
    cell.textContent = age(Number(cell.dataset.time));
  }
}
