#!/usr/bin/env bash
# A network by hand: one coordinator, two workers, one federated session, one receipt.
# Needs `martlet` on the PATH; keeps everything below MARTLET_HOME, or a temporary folder.
set -euo pipefail
cd "$(dirname "$0")/.."

own=
if [ -z "${MARTLET_HOME:-}" ]; then
  own=$(mktemp -d)
  MARTLET_HOME=$own
fi
export MARTLET_HOME

stop() {
  local running
  running=$(jobs -p)
  # shellcheck disable=SC2086
  [ -z "$running" ] || kill $running 2>/dev/null || true
  wait
  [ -z "$own" ] || rm -rf "$own"
}
trap stop EXIT

# Terminal 1: a network of its own, and its coordinator with the validator and the evaluator.
martlet init
martlet server start --port 0 --listen /ip4/127.0.0.1/tcp/0 >"$MARTLET_HOME/addresses" &
until grep -q '^peers' "$MARTLET_HOME/addresses"; do sleep 0.1; done
cat "$MARTLET_HOME/addresses"
coordinator=$(sed -n 's/^peers *//p' "$MARTLET_HOME/addresses")

# Terminals 2 and 3: two workers. Each has a home and a key of its own, and gets its first stake
# from the client's account.
martlet node start --home "$MARTLET_HOME/worker-1" --label worker-1 --join "$coordinator" &
martlet node start --home "$MARTLET_HOME/worker-2" --label worker-2 --join "$coordinator" &

# Terminal 4: the client.
martlet fl create-session --name digits --data Examples/data/digits.csv.gz \
  --config-file Examples/model_config.json --total-rounds 3 --min-participants 2 --start
session=$(martlet fl list --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["session_id"])')
martlet fl watch "$session"
martlet fl verify "$session"
martlet fl get-model "$session" -o "$MARTLET_HOME/model.safetensors"
martlet receipt get "$session" 1 0 -o "$MARTLET_HOME/receipt.json"
martlet receipt verify "$MARTLET_HOME/receipt.json" --trust "$MARTLET_HOME/genesis.json"
martlet ledger account
