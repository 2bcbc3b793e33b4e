"""Every security case of the specification (X-01 to X-16) has a test that bears its id."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
CASES = {
    "X-01": "a mention in a message is literal text",
    "X-02": "a link with words of its own is literal text",
    "X-03": "the header strings give one Subject and no new header",
    "X-04": "markup in HTML is escaped",
    "X-05": "a right-to-left override in a name is removed",
    "X-06": "a break out of a code fence is contained",
    "X-07": "a template that reaches for objects is refused when it is loaded",
    "X-08": "template bombs are bounded, and the built-in template is used",
    "X-09": "a destination at an address of cloud metadata is refused, at load and at connect",
    "X-10": "a redirect is not followed",
    "X-11": "a canary is in no output",
    "X-12": "a replayed or forged token of a button is refused and audited",
    "X-13": "an annotation that names a receiver which is not offered is ignored, told once and counted",
    "X-14": "a signature verifies with either key during a rotation",
    "X-15": "mentions of Discord, Mattermost and Teams are inert",
    "X-16": "escape sequences are stripped from the log",
}
_ID = re.compile(r"x_?(\d\d)(?!\d)", re.IGNORECASE)


def names_of_tests() -> Iterator[str]:
    """Yield the name of every test, and of those that are shipped for channels."""
    for folder in (ROOT / "tests", ROOT / "kwatch" / "testing" / "contract"):
        for path in folder.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                    yield node.name


def test_every_case_has_a_test_and_every_id_is_a_case() -> None:
    tested = {f"X-{number}" for name in names_of_tests() for number in _ID.findall(f"_{name}")}
    assert tested == set(CASES)
