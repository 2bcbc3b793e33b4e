"""What `/metrics` will say at instants of a play."""

from kwatch.testing.stage import Stage


def scrapes(stage: Stage, *instants: float) -> list[dict[str, float]]:
    """Return what will be the metrics at each instant: their values by name and labels, without `kwatch_`."""
    found: list[dict[str, float]] = []

    async def ask() -> None:
        lines = [line for line in (await stage.get("/metrics")).text.splitlines() if not line.startswith("#")]
        found.append({name.removeprefix("kwatch_"): float(value) for name, value in map(_split, lines)})

    for at in instants:
        stage.at(at, ask)
    return found


def _split(line: str) -> tuple[str, str]:
    name, _, value = line.rpartition(" ")
    return name, value
