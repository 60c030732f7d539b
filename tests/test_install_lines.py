"""What messages and docs say to install can be installed, and is what the tests run with."""

import re
import tomllib

from places import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = {line for lines in PROJECT["optional-dependencies"].values() for line in lines}
ASKED = re.compile(r"pip install[ \n\"]+'([^']*)'")


def asked() -> dict[str, str]:
    """Each thing that a message, a help text or a page says to install, and where."""
    paths = [
        path
        for folder in ("pld_tf", "export", "firmware_harness", "docs")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".md")
    ]
    return {
        found: str(path.relative_to(ROOT))
        for path in paths
        for found in ASKED.findall(path.read_text("utf-8"))
    }


def test_what_is_to_be_installed_is_on_an_index_in_the_version_that_is_tested():
    """pld-tf itself is on no index."""
    found = asked()
    assert len(found) >= 4
    assert {what: where for what, where in found.items() if what not in EXTRAS} == {}
