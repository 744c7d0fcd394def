"""The lines of `Scripts/acceptance` about training on one machine: accuracy, equal bits, commitments,
disputes, and what bad input is called."""

import json
import math
import pathlib
import shutil
import tempfile

DIGITS, CANCER = "Examples/data/digits.csv.gz", "Examples/data/breast_cancer.csv"
TEXT = "Examples/data/genesis_exodus.txt"
# The promised figures: accuracy of the network of convolutions, nats below the bigram baseline.
CNN_ACCURACY, CANCER_ACCURACY, NATS_BELOW_BIGRAMS = 0.975, 0.93, 0.7
TEXT_SECONDS = 600


def bigram_nats(text):
    """Add-one smoothed character pairs of the first 90 %, in nats a character on the rest."""
    cut = len(text) * 9 // 10
    vocabulary, pairs, totals = len(set(text)), {}, {}
    for first, second in zip(text[:cut], text[1:cut]):
        pairs[first, second] = pairs.get((first, second), 0) + 1
        totals[first] = totals.get(first, 0) + 1
    nats = [math.log((totals.get(a, 0) + vocabulary) / (pairs.get((a, b), 0) + 1))
            for a, b in zip(text[cut:], text[cut + 1:])]
    return sum(nats) / len(nats)


def train(martlet, *words, timeout=600):
    _, output, errors = martlet("train", *words, "--json", timeout=timeout)
    return json.loads(output) if output else {"errors": errors.strip().split("\n")[0]}


def training(table, root, martlet):
    with tempfile.TemporaryDirectory() as folder:
        learning(table, martlet)
        commitments(table, root, martlet, pathlib.Path(folder))
        refusals(table, root, martlet, pathlib.Path(folder))


def learning(table, martlet):
    cnn = ["--config", "Examples/models/cnn.json", "--data", DIGITS, "--seed", "1"]
    command = "martlet train --config Examples/models/cnn.json --data digits.csv.gz --seed 1 --json"
    first = train(martlet, *cnn)
    table.add(f"digits, CNN: accuracy ≥ {CNN_ACCURACY}", command, first.get("test_accuracy", first),
              first.get("test_accuracy", 0) >= CNN_ACCURACY)
    table.add("exactly the promised fields", command, ", ".join(first), set(first) == {
        "test_accuracy", "final_hash", "steps", "seconds"})
    hashes = {train(martlet, *cnn, "--threads", count).get("final_hash") for count in "12"}
    table.add("the same bits with 1 and 2 threads, and twice", command + " --threads 1|2",
              first.get("final_hash", "")[:16], hashes == {first.get("final_hash")})
    cancer = train(martlet, "--config", "Examples/models/breast_cancer.json", "--data", CANCER)
    table.add(f"a CSV file: accuracy ≥ {CANCER_ACCURACY}",
              "martlet train --config Examples/models/breast_cancer.json --data breast_cancer.csv",
              cancer.get("test_accuracy", cancer), cancer.get("test_accuracy", 0) >= CANCER_ACCURACY)


def language(table, root, martlet):
    text = train(martlet, "--config", "Examples/models/transformer.json", "--data", TEXT,
                 "--test-fraction", "0.1", "--threads", "2", timeout=3 * TEXT_SECONDS)
    bigrams = bigram_nats((root / TEXT).read_text())
    command = ("martlet train --config Examples/models/transformer.json --data genesis_exodus.txt "
               "--test-fraction 0.1 --threads 2")
    loss = text.get("test_loss", math.inf)
    table.add(f"a text: {NATS_BELOW_BIGRAMS} nats a character below bigrams", command,
              f"{loss:.4f} beside {bigrams:.4f}", loss <= bigrams - NATS_BELOW_BIGRAMS)
    table.add(f"in ≤ {TEXT_SECONDS} s", command, f"{text.get('seconds')} s",
              text.get("seconds", math.inf) <= TEXT_SECONDS, timed=True)


def commitments(table, root, martlet, folder):
    base = ["--config", "Examples/model_config.json", "--data", DIGITS, "--epochs", "3"]
    honest, lying = folder / "honest", folder / "lying"
    train(martlet, *base, "--commit", honest)
    train(martlet, *base, "--commit", lying, "--lie", "37")
    verify = "martlet work verify DIR --segments"
    for place, segments, wanted, line in [
        (honest, "all", 0, "an honest commitment"), (honest, "3", 0, "a sample of it"),
        (lying, "all", 1, "a lie in one step"),
    ]:
        status, output, errors = martlet("work", "verify", place, "--segments", segments, "--json")
        found = json.loads(output) if output else {"errors": errors}
        right = status == wanted and set(found) == {"checked", "mismatches", "first_mismatch"} and (
            found["first_mismatch"] == (3 if wanted else None))
        table.add(f"{line}: exit {wanted}", f"{verify} {segments} --json", json.dumps(found), right)
    status, output, errors = martlet("work", "dispute", honest, lying, "--json")
    found = json.loads(output) if output else {"errors": errors}
    table.add("a dispute names step, operator and who is wrong", "martlet work dispute DIR1 DIR2",
              json.dumps(found), status == 0 and found.get("step") == 37 and found.get("wrong") == 2)
    other = folder / "digits.csv.gz"
    shutil.copy(root / DIGITS, other)
    moved = folder / "moved"
    train(martlet, *base[:2], "--data", other, "--epochs", "1", "--commit", moved)
    other.write_bytes((root / CANCER).read_bytes())
    refused(table, martlet, "other data than committed", "work", "verify", moved)


def refusals(table, root, martlet, folder):
    config = ["train", "--config", "Examples/models/breast_cancer.json", "--epochs", "2", "--data"]
    for line, text in [
        ("NaN in a CSV file", "1,nan,0\n2,3,1\n"), ("an empty file", ""),
        ("rows of other lengths", "1,2,0\n3,1\n"), ("one class only", "1,2,0\n3,4,0\n5,6,0\n"),
    ]:
        path = folder / "bad.csv"
        path.write_text(text)
        refused(table, martlet, line, *config, path)
    refused(table, martlet, "data of another shape", *config, DIGITS)
    config = json.loads((root / "Examples/models/breast_cancer.json").read_text())
    wild = folder / "wild.json"
    wild.write_text(json.dumps(config | {"optimizer": {"type": "sgd"}}))
    refused(table, martlet, "a learning rate that diverges", "train", "--config", wild, "--data",
            CANCER, "--rate", "99", "--epochs", "50")
    broken = folder / "broken.safetensors"
    broken.write_bytes(b"\xff" * 64)
    refused(table, martlet, "a broken model file", "predict", "--model", broken, "--data", CANCER)


def refused(table, martlet, line, *words):
    status, _, errors = martlet(*words)
    fact = errors.split("error: ")[-1].split("\n")[0]
    table.add(line, f"martlet {words[0]} …", f"exit {status}: {fact[:90]}",
              status not in (0, 124) and "error: " in errors and "hint: " in errors)
