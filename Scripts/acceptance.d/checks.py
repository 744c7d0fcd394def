"""What all parts of `Scripts/acceptance` use: the table of lines, and the program."""

import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
MARTLET = os.path.abspath(os.environ.get("MARTLET", ROOT / ".build/release/martlet"))


class Table:
    """The lines so far; a timed one may miss without failing the run."""

    def __init__(self):
        self.failed = self.missed = self.met = 0

    def add(self, line, command, figure, met, timed=False):
        word = "yes" if met else "NO (timed)" if timed else "NO"
        print(f"{word:10} | {line} | {command} | {figure}", flush=True)
        if met:
            self.met += 1
        elif timed:
            self.missed += 1
        else:
            self.failed += 1


def run(*words, timeout=120, **options):
    """(status, output, errors) of a command; a timeout is status 124."""
    try:
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=timeout, cwd=ROOT, **options)
        return done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired:
        return 124, "", f"no end after {timeout} s"


def martlet(*words, **options):
    return run(MARTLET, *words, **options)
