"""One file per way out: `type: slack` in the YAML loads `slack.py`: its `Config` and its `create`."""
