"""Templates, bounded."""


class TemplateEngine:
    """Placeholder of the first commit."""


def check_template(text: str) -> str | None:
    """Return what is wrong with a template, or None."""
    return None
