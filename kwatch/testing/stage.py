"""kwatch as it is shipped, on a fake cluster, in virtual time: YAML and timed acts in, everything that was told out.

    stage = Stage(tmp_path, RULES)
    stage.at(0, stage.event("BackOff", pod("web-1"), count=1))
    assert stage.run(until=600) == [Told(15, "hook", "firing", ("crash-loop",))]

Instants are seconds since `START`; kwatch is in sync by then. Nothing is patched: the composition is that of `kwatch
run`, with an in-memory wire to the API server and an in-memory transport to the receivers.
"""

import asyncio
import json
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from kwatch.app import App, Ports
from kwatch.config.load import load
from kwatch.store.state import State
from kwatch.telemetry import Counters
from kwatch.testing import virtual
from kwatch.testing.fake import FakeCluster, FakeWire
