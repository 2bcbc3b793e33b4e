"""Templates are tried out when they are loaded; `bad/failing-templates.yaml` has those that fail on every message."""

from pathlib import Path

import pytest

from kwatch.config.load import load


def warnings_of(text: str, folder: Path) -> tuple[str, ...]:
    (folder / "kwatch.yaml").write_text(text, "utf-8")
    return tuple(line.removeprefix(f"{folder}/") for line in load(folder / "kwatch.yaml", environ={}).warnings)


def test_a_template_that_fails_on_some_kinds_is_a_warning_that_names_them(tmp_path: Path) -> None:
    text = """receivers:
  team:
    - type: stdout
      template: {title: "{{ alerts[0].rule }}"}
"""
    said = "fails on digest, meta, test, which then have the built-in text: list object has no element 0"
    assert warnings_of(text, tmp_path) == (f"kwatch.yaml:4:25: {said}",)


@pytest.mark.parametrize(
    "template",
    [
        "{{ title }}",
        "{{ labels.team }} {{ labels.area }} {{ labels.node }}",
        "{% for each in alerts %}{{ each.details.exit_code }}{{ each.annotations.owner }}{% endfor %}",
        "{% for section in sections %}{{ section.title }}{{ section.alerts[0].rule }}{% endfor %}",
        "plain",
    ],
)
def test_what_an_alert_of_this_configuration_can_have_is_known(template: str, tmp_path: Path) -> None:
    text = f"""watch: {{labels: [team]}}
rules:
  - name: mine
    on: event
    match: {{reason: Evil, kind: Pod}}
    labels: {{area: runtime}}
    details: {{exit_code: "status.code"}}
    annotations: {{owner: "{{{{ area }}}} {{{{ team }}}}"}}
receivers:
  team:
    - type: stdout
      template: {{title: "{template}"}}
"""
    assert warnings_of(text, tmp_path) == ()
