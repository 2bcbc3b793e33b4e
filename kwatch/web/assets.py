"""The page's template and stylesheet: from the wheel, or from the checkout where kwatch runs from its sources."""

from importlib.resources import files
from pathlib import Path

import jinja2

_PACKAGED = Path(str(files("kwatch"))) / "_templates" / "web"
_CHECKOUT = Path(str(files("kwatch"))).parent / "templates" / "web"


class Assets:
    """What the page is made of, read once."""

    def __init__(self) -> None:
        folder = _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(folder),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.page = environment.get_template("status.html")
        self.stylesheet = (folder / "kwatch.css").read_text(encoding="utf-8")
