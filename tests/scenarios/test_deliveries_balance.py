"""S-97: created = delivered + superseded + folded + held + dead + dropped + in flight, at any time of a storm."""

import asyncio
from pathlib import Path

import httpx

from kwatch.model.notifications import DeliveryState
from kwatch.testing.stage import Stage
from tests.scenarios.plays import BROKEN, brief, play, workloads
from tests.scenarios.storms import PACED, storm


def watch_balance(stage: Stage, until: float) -> list[dict[str, int]]:
    """Look each second whether created = what has ended + what is in flight; return what each look saw."""
    seen: list[dict[str, int]] = []

    async def look() -> None:
        if stage.app is None:
            return
        await asyncio.sleep(0)
        rows = (await stage.app.state.counts()).get("hook", {})
        in_flight = sum(number for state, number in rows.items() if not state.is_final)
        ended = {
            state.value: stage.counted("deliveries", destination="hook", state=state.value) for state in DeliveryState
        }
        created = ended.pop("queued")
        assert created == sum(ended.values()) + in_flight
        assert created == sum(rows.values())
        seen.append({"created": created, "in_flight": in_flight, **{k: n for k, n in ended.items() if n}})

    for second in range(int(until)):
        stage.at(second + 0.5, look)
    return seen


def test_S97_the_ledger_of_deliveries_balances_at_every_step_of_a_storm(tmp_path: Path) -> None:
    stage, pods = play(tmp_path, BROKEN + PACED)
    storm(pods, 30)
    storm(pods, 5, at=63, first=100, ns="web")
    for n in range(20):
        pods.phase(75 + n, f"p{n:03}", "Running")
    stage.answer = lambda _: httpx.Response(503 if 90 < stage.now() < 140 else 200)
    stage.absent(150, 160)
    seen = watch_balance(stage, 500)
    stage.run(until=500)
    assert [(one.at, one.kind, one.document.get("folded") or workloads(one)) for one in stage.told] == [
        *((round(60 + n / 3, 3), "firing", [f"p{n:03}"]) for n in range(5)),
        (75, "resolved", ["-p000"]),
        (76, "resolved", ["-p001"]),
        (84, "resolved", ["-p002"]),
        (144, "overflow", 45),
        (144, "resolved", ["-p003"]),
        (160, "resolved", ["-p004"]),
    ]
    assert seen[-1] == {"created": 56, "in_flight": 0, "sent": 11, "folded": 45}
    assert max(each["in_flight"] for each in seen) == 4


def test_S97_the_ledger_balances_whatever_becomes_of_a_delivery(tmp_path: Path) -> None:
    """Sent, superseded, cancelled, dead, dropped by hand, and folded; after each second of it."""
    stage, pods = play(tmp_path, BROKEN + PACED)

    def answer(request: httpx.Request) -> httpx.Response:
        if b'"bad"' in request.content:
            return httpx.Response(400)
        return httpx.Response(503 if 100 <= stage.now() < 400 else 200)

    async def drop_first() -> None:
        rows = (await stage.get("/api/v1/deliveries?limit=1000")).json()["deliveries"]
        waiting = [row["id"] for row in rows if row["state"] == "queued" and row["kind"] == "firing"]
        dropped.append((await stage.request("DELETE", f"/api/v1/deliveries/{waiting[-1]}")).status_code)

    dropped: list[int] = []
    stage.answer = answer
    pods.phase(60, "a")
    pods.phase(61, "bad")
    for n in range(4):
        pods.phase(100 + 20 * n, f"p{n}")
    stage.ack(200, "broken", by="ann")
    stage.ack(260, "broken", by="bob")
    pods.phase(270, "came")
    pods.phase(271, "dropped")
    stage.at(275, drop_first)
    pods.phase(280, "came", "Running")
    storm(pods, 20, at=600, first=100)
    seen = watch_balance(stage, 900)
    told = stage.run(until=900)
    assert dropped == [200]
    assert list(zip(brief(told), map(workloads, told), strict=True)) == [
        ("firing@60", ["a"]),
        ("firing@559.041", ["p1"]),
        ("firing@559.041", ["p3"]),
        ("update@559.041", ["a"]),
        ("firing@559.041", ["dropped"]),
        ("firing@571.041", ["p0"]),
        ("overflow@631.041", ["p0", *(f"p{100 + n}" for n in range(20))]),
    ]
    assert seen[-1] == {
        "created": 42,
        "in_flight": 0,
        "sent": 7,
        "superseded": 9,
        "folded": 21,
        "cancelled": 2,
        "dead": 2,
        "dropped": 1,
    }
