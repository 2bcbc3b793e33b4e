"""One file per way out: `type: slack` in the YAML loads `slack.py`, with its `Config` and `create` beside each other."""
