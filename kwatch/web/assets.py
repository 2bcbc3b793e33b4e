"""What the pages are made of, read once: `templates/web`, which travels in the wheel."""

import jinja2

from kwatch.notify.render import template_root


class Assets:
    """The pages' templates and their stylesheet."""

    def __init__(self) -> None:
        folder = template_root() / "web"
        environment = jinja2.Environment(
            autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self.page = environment.from_string((folder / "status.html").read_text("utf-8"))
        self.delivery = environment.from_string((folder / "delivery.html").read_text("utf-8"))
        self.stylesheet = (folder / "kwatch.css").read_text("utf-8")
