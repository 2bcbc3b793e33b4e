"""F-22: who refuses everything is asked again soon after the file of a secret has changed, and only then."""

import json
from pathlib import Path

import httpx

from kwatch.testing.stage import Stage

TEXT = """
packs: []
rules:
  - {name: evil, on: event, match: {kind: Pod, reason: Evil}}
receivers:
  team:
    - {type: webhook, name: a, url: "https://a.example.com/in", headers: {X-Key: {file: FOLDER/key}}}
    - {type: webhook, name: b, url: "https://b.example.com/in", headers: {X-Key: {file: FOLDER/key}}}
route: {receiver: team, group_wait: 1s}
"""


class Door:
    """Lets in who has the right key."""

    def __init__(self, stage: Stage) -> None:
        self.asked: list[tuple[str, int, str]] = []
        self._stage = stage
        stage.answer = self.answer

    def answer(self, request: httpx.Request) -> httpx.Response:
        key = request.headers["x-key"]
        if json.loads(request.content)["kind"] == "firing":  # not what is said of the other destination
            self.asked.append((request.url.host[0], round(self._stage.now()), key))
        return httpx.Response(200 if key == "right" else 401)


def play(folder: Path, *changes: tuple[float, str], until: float) -> list[tuple[str, int, str]]:
    stage = Stage(folder, TEXT)
    door = Door(stage)
    key = folder / "key"
    key.write_text("wrong")
    for at, content in changes:
        stage.at(at, lambda content=content: key.write_text(content) if content else key.unlink())
    stage.event(19, reason="Evil", message="m")
    stage.event(500, 2, reason="Evil", message="m")  # or it would be over, and nothing to tell
    stage.run(until=until)
    return sorted(door.asked)


def test_F22_a_mended_secret_is_used_within_five_seconds_by_each_that_has_it(tmp_path: Path) -> None:
    asked = play(tmp_path, (101, "right"), until=200)
    assert asked == [("a", 20, "wrong"), ("a", 105, "right"), ("b", 20, "wrong"), ("b", 105, "right")]


def test_F22_another_wrong_secret_is_tried_once(tmp_path: Path) -> None:
    asked = play(tmp_path, (101, "worse"), until=600)
    assert asked == [("a", 20, "wrong"), ("a", 105, "worse"), ("b", 20, "wrong"), ("b", 105, "worse")]


def test_F22_a_file_that_is_gone_or_says_the_same_again_changes_nothing(tmp_path: Path) -> None:
    asked = play(tmp_path, (101, "wrong"), (111, ""), (131, "wrong\n"), until=600)
    assert asked == [("a", 20, "wrong"), ("b", 20, "wrong")]


def test_F22_without_a_change_it_waits_for_the_probe(tmp_path: Path) -> None:
    """The control."""
    asked = play(tmp_path, until=1000)
    assert asked == [("a", 20, "wrong"), ("a", 920, "wrong"), ("b", 20, "wrong"), ("b", 920, "wrong")]
