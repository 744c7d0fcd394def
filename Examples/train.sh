#!/usr/bin/env bash
# Trains a model on this machine, checks the work, and lets the model look at data.
# Needs `martlet` on the PATH; writes to a temporary folder.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

martlet train --config Examples/models/breast_cancer.json \
  --data Examples/data/breast_cancer.csv --seed 1 \
  --commit "$folder/work" --save "$folder/model.safetensors" --report "$folder/report.html"
martlet work verify "$folder/work" --segments all
martlet evaluate --model "$folder/model.safetensors" --data Examples/data/breast_cancer.csv
martlet predict --model "$folder/model.safetensors" --data Examples/data/breast_cancer.csv \
  --output "$folder/answers.csv"
head -n 3 "$folder/answers.csv"
