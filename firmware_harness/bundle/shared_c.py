"""The hand-written C of a firmware bundle. `pld-tf export` copies it beside the generated C."""

from importlib.resources import files

_ROOT = files("firmware_harness") / "src"
_FOLDERS = ("frontend", "decision", "api", "memory")
EXAMPLES = "examples"  # each has a main, so it is no file to compile with the others


def bundle_sources() -> dict[str, str]:
    """Text of each file by its path in a bundle, sorted."""
    texts = {name: text for folder in _FOLDERS for name, text in _texts(folder).items()}
    texts |= {f"{EXAMPLES}/{name}": text for name, text in _texts(EXAMPLES).items()}
    return dict(sorted(texts.items()))


def _texts(folder: str) -> dict[str, str]:
    return {
        path.name: path.read_text(encoding="utf-8")
        for path in (_ROOT / folder).iterdir()
        if path.name.endswith((".h", ".c"))
    }


def host_source() -> str:
    """kws_host.c: lets ctypes call a bundle's C."""
    return (_ROOT / "host" / "kws_host.c").read_text(encoding="utf-8")
