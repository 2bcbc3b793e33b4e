"""`kwatch run` as it is shipped, with a decider that notes how long each Event took from its sending to its decision.

    python benchmarks/measured.py FILE run [OPTIONS]

FILE gets the median and the 99th percentile in milliseconds at the end. Events bear their instant of sending (see
`feeder`), so the time in sockets and buffers counts.
"""

import json
import statistics
import sys
import time
from datetime import datetime
from pathlib import Path

import kwatch.app
from kwatch.cli.program import main
from kwatch.deciding.decider import Decider
from kwatch.model.objects import Batch

milliseconds: list[float] = []


class TimedDecider(Decider):
    """A decider that looks at the clock after each batch of Events."""

    def decide(self, batch: Batch, now: datetime) -> None:
        super().decide(batch, now)
        if batch.source.resource.kind == "Event":
            decided = time.monotonic_ns()
            sent = (frame.body.note.split("@")[1] for frame in batch.events if frame.body is not None)
            milliseconds.extend((decided - int(stamp)) / 1e6 for stamp in sent)


def write(path: Path) -> None:
    cuts = statistics.quantiles(milliseconds, n=100)
    path.write_text(json.dumps({"events": len(milliseconds), "p50_ms": cuts[49], "p99_ms": cuts[98]}))


if __name__ == "__main__":
    target = Path(sys.argv.pop(1))
    kwatch.app.Decider = TimedDecider  # type: ignore[misc]
    try:
        main()
    finally:
        write(target)
