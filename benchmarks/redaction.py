"""What it costs to look for secrets: µs per text, for names, for messages of Kubernetes, and for the worst of texts.

python benchmarks/redaction.py [--json] [--rounds N]
"""

import argparse
import json
import statistics
import sys
import time

from kwatch.redaction import Redactor

DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
TEXTS = {
    "a name": "worker-7d9f5b8c6d-x2x8k",
    "a message": "Back-off restarting failed container worker in pod worker-7d9f5b8c6d-x2x8k_payments",
    "a message with a digest": f'Failed to pull image "registry.example.com/web@sha256:{DIGEST}": not found',
    "a message that speaks of secrets": 'MountVolume.SetUp failed for volume "db" : secret "db-creds" not found',
    "a message with a password": "cannot connect to postgres://app:hunter2@db/shop",
    "4,000 characters of words": ("Back-off restarting failed container. " * 120)[:4000],
    "4,000 characters that look like keys": ("token: " * 600)[:4000],
    "4,000 characters that are random": ("Zm9vYmFyQmF6MTIzNDU2Nzg5MA" * 160)[:4000],
}
SECRETS = [f"xoxb-secret-number-{number:03}" for number in range(40)]


def microseconds(redactor: Redactor, text: str, rounds: int) -> float:
    """Return the median of the rounds."""
    times = []
    for _ in range(rounds):
        before = time.perf_counter()
        redactor.clean(text)
        times.append(time.perf_counter() - before)
    return round(statistics.median(times) * 1e6, 1)


def main() -> None:
    """Print the figures as a table or as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=2000)
    options = parser.parse_args()
    plain, known = Redactor(), Redactor()
    known.heed(["acct-[0-9]{8}"], SECRETS)
    figures = {}
    for name, text in TEXTS.items():
        figures[f"{name}, µs"] = microseconds(plain, text, options.rounds)
        figures[f"{name}, 40 secrets and a pattern, µs"] = microseconds(known, text, options.rounds)
    if options.json:
        json.dump(figures, sys.stdout, indent=2, ensure_ascii=False)
        print()
    else:
        for name, value in figures.items():
            print(f"{name:70} {value:10,.1f}")


if __name__ == "__main__":
    main()
