// The coordinator's REST interface, as far as this page reads it.

const base = "/api/v1";
const sessionsPath = `${base}/federated-learning/sessions`;

export class APIError extends Error {
  constructor(status, body) {
    super(body?.message ?? `The coordinator answered ${status}.`);
    this.status = status;
    this.hint = body?.hint;
  }
}

async function get(path) {
  const response = await fetch(path, { headers: { accept: "application/json" } });
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new APIError(response.status, body);
  return body;
}

export const health = () => get(`${base}/health`);
export const nodes = async () => (await get(`${base}/nodes`)).nodes;
export const sessions = async () => (await get(sessionsPath)).sessions;
export const session = (id) => get(`${sessionsPath}/${encodeURIComponent(id)}`);
export const rounds = async (id) =>
  (await get(`${sessionsPath}/${encodeURIComponent(id)}/rounds`)).rounds;
export const ledger = () => get(`${base}/ledger/status`);
export const accounts = async () => (await get(`${base}/ledger/accounts`)).accounts;
export const blocks = async (limit) => (await get(`${base}/ledger/blocks?limit=${limit}`)).blocks;

export const ipfsHealth = () => get(`${base}/ipfs/health`);
export const ipfsStatus = () => get(`${base}/ipfs/status`);
export const largestPins = async () => (await get(`${base}/ipfs/pins?limit=20`)).pins;
export const described = async () => (await get(`${base}/ipfs/provenance?limit=50`)).contents;
export const provenance = (cid) => get(`${base}/ipfs/provenance/${encodeURIComponent(cid)}`);
export const downloadPath = (cid) => `${base}/ipfs/download/${encodeURIComponent(cid)}`;

// A link that `martlet server` prints carries a one-time token behind the #, which never reaches a
// log. It is exchanged for a cookie and taken out of the address.
export async function signIn() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return;
  history.replaceState(null, "", location.pathname);
  const response = await fetch(`${base}/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
  });
  if (!response.ok) throw new APIError(response.status, await response.json().catch(() => null));
}

// Calls `onEvent(type, data)` for each server-sent event; the browser reconnects by itself.
export function follow(id, { onOpen, onEvent, onLost }) {
  const source = new EventSource(`${sessionsPath}/${encodeURIComponent(id)}/events`);
  source.addEventListener("open", onOpen);
  source.addEventListener("error", onLost);
  for (const type of ["session", "round", "update", "block", "node"]) {
    source.addEventListener(type, (event) => onEvent(type, JSON.parse(event.data)));
  }
  return () => source.close();
}
