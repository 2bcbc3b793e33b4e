"""The HTTP surface: the status page, health, metrics, and `/api/v1`. It reads a `Board` and changes nothing."""
