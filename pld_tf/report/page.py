"""A page as one HTML file that needs nothing else: no network, no second file."""

import base64
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pld_tf.errors import PldError
from pld_tf.report import text
from pld_tf.report.facts import Page
from pld_tf.report.views import view

FOLDER = Path(__file__).with_name("page")
MAX_BYTES = 5_000_000
_FILTERS = (text.percent, text.between, text.kib, text.large, text.rate, text.plural)


def render(page: Page) -> str:
    """The HTML. The same facts give the same text.

    Everything that comes from files is escaped. Should something slip through, the page's own
    policy forbids scripts but its one, and everything from elsewhere.

    Raises:
      PldError: the page would be larger than `MAX_BYTES`.
    """
    script = (FOLDER / "page.js").read_text("utf-8")
    digest = hashlib.sha256(script.encode()).digest()
    made = finished(
        "page.html",
        view=view(page),
        script=Markup(script),
        script_hash=base64.b64encode(digest).decode(),
    )
    size = len(made.encode())
    if size > MAX_BYTES:
        raise PldError(
            f"the page would have {size:,} bytes, more than {MAX_BYTES:,}. Show fewer runs in one "
            "page."
        )
    return made


def finished(template: str, **values: Any) -> str:
    """A template with its values, which are escaped unless they are `Markup`."""
    css = Markup((FOLDER / "page.css").read_text("utf-8"))
    return _environment().get_template(template).render({"css": css, "script": None} | values)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {each.__name__: each for each in _FILTERS}
    return environment
