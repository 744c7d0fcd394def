"""The lines of `Scripts/acceptance` about training on one machine: accuracy, equal bits, commitments,
disputes, what bad input is called, and generated text."""

import json
import math
import pathlib
import shutil
import tempfile

from checks import ROOT, martlet

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


def train(*words, timeout=600):
    _, output, errors = martlet("train", *words, "--json", timeout=timeout)
    return json.loads(output) if output else {"errors": errors.strip().split("\n")[0]}


def training(table):
    with tempfile.TemporaryDirectory() as folder:
        learning(table)
        commitments(table, pathlib.Path(folder))
        refusals(table, pathlib.Path(folder))


def learning(table):
    cnn = ["--config", "Examples/models/cnn.json", "--data", DIGITS, "--seed", "1"]
    command = "martlet train --config Examples/models/cnn.json --data digits.csv.gz --seed 1 --json"
    first = train(*cnn)
    table.add(f"digits, CNN: accuracy ≥ {CNN_ACCURACY}", command, first.get("test_accuracy", first),
              first.get("test_accuracy", 0) >= CNN_ACCURACY)
    table.add("exactly the promised fields", command, ", ".join(first), set(first) == {
        "test_accuracy", "final_hash", "steps", "seconds"})
    hashes = {train(*cnn, "--threads", count).get("final_hash") for count in "12"}
    table.add("the same bits with 1 and 2 threads, and twice", command + " --threads 1|2",
              first.get("final_hash", "")[:16], hashes == {first.get("final_hash")})
    cancer = train("--config", "Examples/models/breast_cancer.json", "--data", CANCER)
    table.add(f"a CSV file: accuracy ≥ {CANCER_ACCURACY}",
              "martlet train --config Examples/models/breast_cancer.json --data breast_cancer.csv",
              cancer.get("test_accuracy", cancer), cancer.get("test_accuracy", 0) >= CANCER_ACCURACY)


def language(table):
    text = train("--config", "Examples/models/transformer.json", "--data", TEXT,
                 "--test-fraction", "0.1", "--threads", "2", timeout=3 * TEXT_SECONDS)
    bigrams = bigram_nats((ROOT / TEXT).read_text())
    command = ("martlet train --config Examples/models/transformer.json --data genesis_exodus.txt "
               "--test-fraction 0.1 --threads 2")
    loss = text.get("test_loss", math.inf)
    table.add(f"a text: {NATS_BELOW_BIGRAMS} nats a character below bigrams", command,
              f"{loss:.4f} beside {bigrams:.4f}", loss <= bigrams - NATS_BELOW_BIGRAMS)
    table.add(f"in ≤ {TEXT_SECONDS} s", command, f"{text.get('seconds')} s",
              text.get("seconds", math.inf) <= TEXT_SECONDS, timed=True)


def commitments(table, folder):
    base = ["--config", "Examples/model_config.json", "--data", DIGITS, "--epochs", "3"]
    honest, lying = folder / "honest", folder / "lying"
    train(*base, "--commit", honest)
    train(*base, "--commit", lying, "--lie", "37")
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
    shutil.copy(ROOT / DIGITS, other)
    moved = folder / "moved"
    train(*base[:2], "--data", other, "--epochs", "1", "--commit", moved)
    other.write_bytes((ROOT / CANCER).read_bytes())
    refused(table, "other data than committed", "work", "verify", moved)


def refusals(table, folder):
    config = ["train", "--config", "Examples/models/breast_cancer.json", "--epochs", "2", "--data"]
    for line, text in [
        ("NaN in a CSV file", "1,nan,0\n2,3,1\n"), ("an empty file", ""),
        ("rows of other lengths", "1,2,0\n3,1\n"), ("one class only", "1,2,0\n3,4,0\n5,6,0\n"),
    ]:
        path = folder / "bad.csv"
        path.write_text(text)
        refused(table, line, *config, path)
    refused(table, "data of another shape", *config, DIGITS)
    config = json.loads((ROOT / "Examples/models/breast_cancer.json").read_text())
    wild = folder / "wild.json"
    wild.write_text(json.dumps(config | {"optimizer": {"type": "sgd"}}))
    refused(table, "a learning rate that diverges", "train", "--config", wild, "--data",
            CANCER, "--rate", "99", "--epochs", "50")
    broken = folder / "broken.safetensors"
    broken.write_bytes(b"\xff" * 64)
    refused(table, "a broken model file", "predict", "--model", broken, "--data", CANCER)


def generation(table):
    """A small model learns the text in half a minute and continues it."""
    with tempfile.TemporaryDirectory() as folder:
        model = pathlib.Path(folder, "text.safetensors")
        train("--config", "Examples/models/transformer_small.json", "--data", TEXT, "--save", model)
        command = "martlet predict --model text.safetensors --prompt …"
        words = ["predict", "--model", model, "--prompt", "In the beginning", "--tokens", "500"]
        texts = [generated(*words), generated(*words), generated(*words, "--seed", "1")]
        first = texts[0].get("text", texts[0].get("errors"))
        table.add("a language model continues a text", command, repr(first[:60]),
                  set(texts[0]) == {"prompt", "text", "tokens", "seconds"} and len(first) == 500)
        known = set((ROOT / TEXT).read_text().split())
        share = sum(word in known for word in first.split()[1:-1]) / max(1, len(first.split()) - 2)
        table.add("most of its words are words", command, f"{share:.2f}", share >= 0.5)
        table.add("a seed fixes the text", command + " --seed N", "two runs, two seeds",
                  texts[1].get("text") == first and texts[2].get("text") not in (None, first))
        status, output, _ = martlet(*words)
        table.add("the text as plain output", command, f"exit {status}",
                  output == "In the beginning" + first + "\n")
        refused(table, "an unknown character", *words[:3], "--prompt", "\u4e00")
        refused(table, "an empty prompt", *words[:3], "--prompt", "")


def generated(*words):
    _, output, errors = martlet(*words, "--json")
    return json.loads(output) if output else {"errors": errors.strip().split("\n")[0]}


def refused(table, line, *words):
    status, _, errors = martlet(*words)
    fact = errors.split("error: ")[-1].split("\n")[0]
    table.add(line, f"martlet {words[0]} …", f"exit {status}: {fact[:90]}",
              status not in (0, 124) and "error: " in errors and "hint: " in errors)
