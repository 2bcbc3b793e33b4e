"""The configuration of the tests: the shipped packs with shorter times, and all three channels at once."""

from pathlib import Path

from tests.e2e.desk import KEY, TOKEN, Desk

#: What takes minutes in production, as seconds. The rules about crashes keep their ten minutes: a container that
#: crashes runs between its ends. Of its details that of the back-off is left out, which is there for a moment only.
RULES = """
rules:
  - {name: image-pull, for: 0s, resolve_hold: 3s}
  - {name: failed-scheduling, for: 2s, resolve_hold: 3s}
  - {name: rollout-stuck, resolve_hold: 3s}
  - {name: node-not-ready, resolve_hold: 3s}
  - name: crash-loop
    details:
      exit_code: "status.containerStatuses[*].lastState.terminated.exitCode"
      exit_reason: "status.containerStatuses[*].lastState.terminated.reason"
      restarts: "status.containerStatuses[*].restartCount"
      images: "spec.containers[*].image"
"""


def settings(folder: Path, desk: Desk, namespaces: str, rules: str = RULES) -> str:
    """Return the YAML that tells everything of the namespaces to the desk; secrets are put into the folder."""
    (folder / "slack-token").write_text(TOKEN)
    (folder / "key").write_text(KEY)
    return f"""
cluster: e2e
state: {{path: state}}
web: {{listen: "127.0.0.1:0"}}
watch: {{namespaces: {{include: ["{namespaces}"]}}}}
route: {{receiver: team, group_wait: 1s, group_interval: 2s}}
receivers:
  team:
    - {{type: slack, channel: "#alerts", token: {{file: slack-token}}, api_url: "{desk.slack_url}"}}
    - {{type: webhook, url: "{desk.hook_url}", sign: {{file: key}}}}
    - {{type: smtp, host: 127.0.0.1, port: {desk.mail_port}, tls: none, from: kwatch@example.com, to: ops@example.com}}
{rules}"""
