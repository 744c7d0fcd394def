"""What the end-to-end runs of trainings share: the program, its folder, and what an answer must be.

Each run of Tests/EndToEnd has a folder of its own, SCRATCH, and tests the program MARTLET.
"""

import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DIGITS = ROOT / "Examples/data/digits.csv.gz"
CANCER = ROOT / "Examples/data/breast_cancer.csv"
EXAMPLES = ROOT / "Examples"
martlet = os.environ.get("MARTLET", str(ROOT / ".build/debug/martlet"))
scratch = pathlib.Path(os.environ["SCRATCH"])
# A training of this size that takes longer does not end.
SECONDS_MAX = 90


def require(condition, sentence):
    if not condition:
        raise AssertionError(sentence)


def environment():
    kept = {k: v for k, v in os.environ.items() if not k.startswith("MARTLET")}
    return {**kept, "MARTLET_HOME": str(scratch / "home")}


def run(*words):
    done = subprocess.run([martlet, *map(str, words)], capture_output=True, text=True, cwd=scratch,
                          stdin=subprocess.DEVNULL, timeout=SECONDS_MAX, env=environment())
    return done.returncode, done.stdout, done.stderr


def ok(*words):
    code, output, errors = run(*words, "--json")
    require(code == 0, f"{words}: exit {code}: {errors}")
    require(output.count("\n") == 1, f"{words}: more than one line: {output}")
    return json.loads(output)


def refused(status, words, *named):
    code, output, errors = run(*words)
    require(code == status, f"{words}: exit code {code}, not {status}: {errors}")
    require("martlet: error: " in errors and "martlet: hint: " in errors, f"no hint: {errors}")
    for word in named:
        require(word in errors, f"`{word}` is not in: {errors}")
    fact = errors.split("martlet: error: ")[-1].split("\n")[0]
    require(not any(mark in fact for mark in ["(\"", "Error.", "Optional("]),
            f"an error shows the program's insides: {fact}")
    return output


def write(name, content):
    path = scratch / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def model(name, **changes):
    base = {"hidden_size": 32, "loss": "cross_entropy", "metrics": ["accuracy"],
            "optimizer": {"type": "sgd", "momentum": 0.9},
            "architecture": {"input_dim": 64, "output_dim": 10, "activation": "relu",
                             "output_activation": "softmax"}}
    base.update(changes)
    return write(name, json.dumps(base))


def digits(*more, seed=7, epochs=4):
    return ["train", "--config", scratch / "digits.json", "--data", DIGITS, "--rate", "0.05",
            "--epochs", str(epochs), "--seed", str(seed), *more]


def run_cases(name, cases):
    """Runs each and says so; the first that fails ends the program."""
    try:
        for case in cases:
            case()
            function = getattr(case, "func", case)
            print(f"passed: {function.__name__.replace('_', ' ')}", flush=True)
    except (AssertionError, subprocess.TimeoutExpired) as failure:
        sys.exit(f"{name}: {failure}")
