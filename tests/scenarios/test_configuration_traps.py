"""Configurations that other tools misread in silence: here they are errors, all at once, with their places (T15 …)."""

import re
from pathlib import Path
from typing import Any

import pytest

from kwatch.config.load import load
from kwatch.errors import ConfigError
from tests.scenarios.certificates import DEFINITION, not_ready
from tests.scenarios.plays import HOOK, play

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"


def problems(folder: Path, text: str) -> list[str]:
    """Return what is wrong with a configuration, without the folder."""
    path = folder / "kwatch.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path, environ={})
    return [problem.replace(f"{folder}/", "") for problem in caught.value.problems]


def rule_matching(match: str) -> str:
    return f"packs: []\nrules: [{{name: a, on: event, match: {match}}}]\n"


def test_T15_an_exclamation_mark_without_quotes_is_no_namespace(tmp_path: Path) -> None:
    assert problems(
        tmp_path, 'watch:\n  namespaces:\n    include: ["", prod]\n    exclude:\n      - !kube-system\n'
    ) == [
        "kwatch.yaml:3:15: include: must not be empty",
        "kwatch.yaml:5:9: the YAML tag !kube-system means nothing here: put a text with a leading ! in quotes",
    ]


def test_T15_and_with_quotes_it_says_what_to_write(tmp_path: Path) -> None:
    assert problems(tmp_path, rule_matching('{namespace: "!kube-system"}')) == [
        "kwatch.yaml:2:49: namespace: a leading ! means nothing here: write not: {namespace: …}"
    ]


def test_T20_a_route_of_unknown_keys_is_no_route_for_everything(tmp_path: Path) -> None:
    text = "route: {receiver: team, routes: [{mtach: {severity: critical}, reciever: team}]}\n"
    assert problems(tmp_path, text + "receivers: {team: [{type: stdout}]}\n") == [
        "kwatch.yaml:1:35: unknown key 'mtach', did you mean 'match'?",
        "kwatch.yaml:1:64: unknown key 'reciever', did you mean 'receiver'?",
    ]


def test_T25_a_glob_is_no_regular_expression(tmp_path: Path) -> None:
    assert problems(tmp_path, rule_matching('{reason: {regex: "*test*"}}')) == [
        (
            "kwatch.yaml:2:54: reason: regex: no argument for repetition operator: *: it looks like a glob; "
            'write reason: "*test*"'
        )
    ]


def test_T25_each_syntax_means_the_whole_value(tmp_path: Path) -> None:
    rules = """
packs: []
rules:
  - {name: glob, on: event, match: {reason: "*test*"}, mode: notice, key: [reason]}
  - {name: regex, on: event, match: {reason: {regex: "test.*"}}, mode: notice, key: [reason]}
"""
    stage, pods = play(tmp_path, rules + HOOK)
    pods.event(0, "a", reason="Untested")
    pods.event(10, "a", reason="tested")
    told = stage.run(until=60)
    assert [(one.at, one.rules) for one in told] == [(0, ("glob",)), (10, ("glob", "regex"))]


def test_T30_dollars_stay_as_they_are(tmp_path: Path) -> None:
    rules = """
packs: []
rules:
  - {name: dollar, on: event, match: {message: {regex: "^pay \\\\$[0-9]+$"}}, mode: notice,
     annotations: {summary: "costs $5, ${HOME} and $$"}}
"""
    stage, pods = play(tmp_path, rules + HOOK)
    pods.event(0, "a", message="pay $7")
    pods.event(10, "b", message="pay 7")
    told = stage.run(until=600)
    assert stage.lines == ["0 hook notice dollar shop/Pod/a"]
    assert [one.document["alerts"][0]["annotations"] for one in told] == [{"summary": "costs $5, ${HOME} and $$"}]


def test_T30_only_a_secret_is_read_from_the_environment_and_must_be_there(tmp_path: Path) -> None:
    text = "receivers:\n  team:\n    - {type: slack, channel: '#a', token: {env: SLACK_TOKEN}}\n"
    assert problems(tmp_path, text) == ["kwatch.yaml:3:43: the environment variable SLACK_TOKEN is not set"]


def test_T37_the_example_is_valid(tmp_path: Path) -> None:
    text = EXAMPLE.read_text("utf-8")
    secret, url = tmp_path / "secret", tmp_path / "url"
    secret.write_text("whsec_c2VjcmV0", "utf-8")
    url.write_text("https://example.com/hook", "utf-8")
    path = tmp_path / "kwatch.yaml"
    with_urls = re.sub(r"url: \{file: /[^}]+\}", f"url: {{file: {url}}}", text)
    path.write_text(re.sub(r"\{file: /etc/[^}]+\}", f"{{file: {secret}}}", with_urls), "utf-8")
    config = load(path, environ=dict.fromkeys(re.findall(r"\{env: (\w+)\}", text), "secret"))
    assert config.watch.resources == ("Certificate.cert-manager.io",)


IN_PROD = {"env": "prod", "team": "web"}


def deployment(ns: str, replicas: int) -> dict[str, Any]:
    metadata = {"name": "web", "namespace": ns}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"replicas": replicas}}


def test_T37_the_example_watches_what_it_says(tmp_path: Path) -> None:
    """Its kinds, namespaces and rules, up to the routes, told to one webhook."""
    watched = EXAMPLE.read_text("utf-8").partition("\nwindows:")[0]
    stage, _ = play(tmp_path, watched + HOOK)
    stage.cluster.apply(DEFINITION)
    for ns, labels in {"shop": IN_PROD, "kube-system": IN_PROD, "test": {"team": "web"}}.items():
        stage.apply(-20, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ns, "labels": labels}})
        stage.apply(0, not_ready(ns))
        stage.apply(0, deployment(ns, replicas=2))
        stage.apply(10, deployment(ns, replicas=0))
    stage.run(until=3600)
    assert stage.lines == [
        "10 hook notice scaled-to-zero shop/Deployment/web",
        "900 hook firing certificate-not-ready shop/Certificate/tls",
    ]


IN_LABELS = "write letters, digits, -, _ and . between letters or digits, at most 63"


def rule_of_pods(match: str) -> str:
    return f"packs: []\nrules: [{{name: a, on: resource, match: {{kind: Pod, {match}}}}}]\n"


def test_T52_an_illegal_label_matcher_is_not_everything(tmp_path: Path) -> None:
    assert problems(tmp_path, rule_of_pods('not: {labels: {"team name": payments}}')) == [
        (
            f"kwatch.yaml:2:67: labels: 'team name' can never be a key: {IN_LABELS}, with a domain in lower case "
            "before it or not, as in team or example.com/team"
        )
    ]
    assert problems(tmp_path, rule_of_pods('not: {labels: {team: "no value!"}}')) == [
        f"kwatch.yaml:2:73: labels: 'no value!' can never be a value of a label: {IN_LABELS}"
    ]


def test_T52_a_legal_label_matcher_is_read(tmp_path: Path) -> None:
    path = tmp_path / "kwatch.yaml"
    path.write_text(rule_of_pods("not: {labels: {example.com/team_name: pay.ments}}"), "utf-8")
    assert [rule.name for rule in load(path, environ={}).rules] == ["a"]


def test_P8_a_catastrophic_pattern_costs_nothing(tmp_path: Path) -> None:
    rules = """
packs: []
rules: [{name: evil, on: event, match: {message: {regex: "(a+)+b"}}, mode: notice}]
"""
    stage, pods = play(tmp_path, rules + HOOK)
    pods.event(0, "a", message="a" * 1000 + "!")
    pods.event(10, "b", message="a" * 1000 + "b")
    assert [(one.at, one.rules) for one in stage.run(until=60)] == [(10, ("evil",))]


def test_P8_what_needs_back_tracking_is_refused(tmp_path: Path) -> None:
    assert problems(tmp_path, rule_matching(r"{message: {regex: '(a+)+\1$'}}")) == [
        (
            r"kwatch.yaml:2:55: message: regex: invalid escape sequence: \1: RE2 has no back-references, as they could "
            "take for ever"
        )
    ]


def test_P10_a_word_is_a_text_as_in_yaml_1_2(tmp_path: Path) -> None:
    rules = """
packs: []
rules: [{name: no, on: event, match: {reason: [on, no, off]}, mode: notice}]
"""
    stage, pods = play(tmp_path, rules + HOOK)
    pods.event(0, "a", reason="no")
    assert [(one.at, one.rules) for one in stage.run(until=60)] == [(0, ("no",))]


def test_P10_numbers_tags_and_bombs_are_errors_with_their_places(tmp_path: Path) -> None:
    text = """\
cluster: 1e3
web: {listen: "a:1"}
web: {listen: "b:1"}
log: &log {level: info}
state: !!python/object:os.system {path: x}
"""
    assert problems(tmp_path, text) == [
        "kwatch.yaml:1:10: cluster: must be a text: put it in quotes",
        "kwatch.yaml:3:1: duplicate key 'web': it is already at kwatch.yaml:2:1",
        "kwatch.yaml:4:6: anchors are not supported: remove &log",
        (
            "kwatch.yaml:5:8: the YAML tag tag:yaml.org,2002:python/object:os.system means nothing here: put a text "
            "with a leading ! in quotes"
        ),
    ]
