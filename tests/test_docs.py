"""The documentation says what the code does."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from kwatch.cli.exits import Exit
from kwatch.cli.program import main
from kwatch.config.load import load
from kwatch.parts import ANNOTATED
from kwatch.testing.fake.catalog import Catalog
from kwatch.web.metrics import exposition
from tests.web.boards import OVERVIEW

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
SOURCE = "\n".join(path.read_text() for path in sorted((ROOT / "kwatch").rglob("*.py")))
#: Counters are increased by literal names, or named by a decision as `name{label}`.
COUNTED = frozenset(re.findall(r'counters\.add\(\s*"([a-z_]+)"', SOURCE))
MEASURED = frozenset(re.findall(r'counters\.measure\(\s*"([a-z_]+)"', SOURCE))


def documented() -> set[str]:
    return set(re.findall(r"^\| `(kwatch_[a-z_]+)` \|", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE))


def gauges() -> set[str]:
    return set(re.findall(r"^# TYPE (kwatch_\w+) gauge", exposition(OVERVIEW, {}).decode(), re.MULTILINE))


def test_every_metric_is_documented_and_every_documented_one_exists() -> None:
    histograms = {f"kwatch_{name}" for name in MEASURED}
    assert documented() == gauges() | {f"kwatch_{name}_total" for name in COUNTED} | histograms


def commands(group: click.Group, path: str = "kwatch") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


@pytest.mark.parametrize(("path", "command"), [*commands(main)], ids=[path for path, _ in commands(main)])
def test_every_command_is_documented_with_all_its_options(path: str, command: click.Command) -> None:
    text = (ROOT / "docs" / "cli.md").read_text()
    section = re.search(rf"^## {path}(?: [A-Z]+)?\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section, f"docs/cli.md has no section on {path}"
    described = set(re.findall(r"^\| `(--[a-z]+)", section[1], re.MULTILINE))
    assert described == {option.opts[0] for option in command.params if isinstance(option, click.Option)}


def test_no_command_is_documented_that_does_not_exist() -> None:
    headings = re.findall(r"^## (kwatch [a-z -]+?)(?: [A-Z]+)?$", (ROOT / "docs" / "cli.md").read_text(), re.MULTILINE)
    assert headings == [path for path, _ in commands(main)]


def test_the_exit_codes_are_documented() -> None:
    codes = re.findall(r"^\| (\d) \|", (ROOT / "docs" / "cli.md").read_text(), re.MULTILINE)
    assert [int(code) for code in codes] == list(Exit)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text()):
        name, _, heading = link.partition("#")
        linked = page.parent / name if name else page
        assert linked.exists(), link
        headings = re.findall(r"^#+ (.*)$", linked.read_text(), re.MULTILINE) if heading else []
        assert not heading or heading in {title.lower().replace(" ", "-") for title in headings}, link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_that_are_named_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^    |`)make ([a-z]+)", page.read_text(), re.MULTILINE)) <= targets


def test_the_configuration_of_the_readme_starts(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "kwatch.yaml").write_text(example)
    config = load(tmp_path / "kwatch.yaml", environ={"SLACK_TOKEN": "xoxb-1"})
    assert [destination.name for destination in config.destinations] == ["team-slack"]


def test_the_configuration_of_the_manifests_starts() -> None:
    config = load(ROOT / "deploy" / "manifests" / "config.yaml", environ={"KUBERNETES_SERVICE_HOST": "10.0.0.1"})
    assert (config.web.host, config.web.port, config.state) == ("0.0.0.0", 8080, Path("/var/lib/kwatch"))


@pytest.mark.parametrize("manifest", sorted((ROOT / "deploy" / "manifests").glob("*.yaml")), ids=lambda path: path.name)
def test_manifests_are_yaml(manifest: Path) -> None:
    assert all(isinstance(document, dict) for document in yaml.safe_load_all(manifest.read_text()))


def test_every_manifest_is_applied_or_named_as_an_example() -> None:
    folder = ROOT / "deploy" / "manifests"
    kustomization = (folder / "kustomization.yaml").read_text()
    others = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
    assert {name for name in others if name in kustomization} == others


def test_T54_the_cluster_role_only_reads() -> None:
    documents = yaml.safe_load_all((ROOT / "deploy" / "manifests" / "rbac.yaml").read_text())
    (role,) = (document for document in documents if document["kind"] == "ClusterRole")
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}
    assert not {"secrets", "configmaps", "*"} & {name for rule in role["rules"] for name in rule["resources"]}


def test_the_operations_page_names_what_the_cluster_role_lets_read() -> None:
    documents = yaml.safe_load_all((ROOT / "deploy" / "manifests" / "rbac.yaml").read_text())
    (role,) = (document for document in documents if document["kind"] == "ClusterRole")
    page = (ROOT / "docs" / "operations.md").read_text()
    (said,) = re.findall(r"a ServiceAccount that may read (.*?)and a\s+volume", page, re.DOTALL)
    kinds = {kind.plural for kind in Catalog().namespaced_kinds()} | {"nodes", "namespaces"}
    granted = {name for rule in role["rules"] for name in rule["resources"]}
    assert set(re.findall(r"[a-z]+", said.lower())) & kinds == granted


def test_the_cluster_role_covers_the_packs_and_self_service() -> None:
    """The kinds of built-in rules, those between a Pod and its workload, of change, and whose annotations count."""
    documents = yaml.safe_load_all((ROOT / "deploy" / "manifests" / "rbac.yaml").read_text())
    (role,) = (document for document in documents if document["kind"] == "ClusterRole")
    granted = {name for rule in role["rules"] for name in rule["resources"]}
    packs = "\n".join(path.read_text() for path in sorted((ROOT / "kwatch" / "rules" / "packs").glob("*.yaml")))
    named = {kind for kinds in re.findall(r"kind: *\[?([A-Za-z, ]+)", packs) for kind in re.findall(r"[A-Z]\w+", kinds)}
    assert named >= {"Pod", "Node", "Deployment"}
    annotated = {token.partition(".")[0] for token in ANNOTATED}
    assert {f"{kind.lower()}s" for kind in named | annotated | {"ReplicaSet", "Event"}} == granted
