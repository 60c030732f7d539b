"""The hand-written C of a firmware bundle. `pld-tf export` copies it beside the generated C."""

from importlib.resources import files

_ROOT = files("firmware_harness") / "src"
_FOLDERS = ("frontend", "decision", "api")


def bundle_sources() -> dict[str, str]:
    """Text of each file by its name, sorted."""
    paths = (path for folder in _FOLDERS for path in (_ROOT / folder).iterdir())
    texts = {
        path.name: path.read_text(encoding="utf-8")
        for path in paths
        if path.name.endswith((".h", ".c"))
    }
    return dict(sorted(texts.items()))


def host_source() -> str:
    """kws_host.c: lets ctypes call a bundle's C."""
    return (_ROOT / "host" / "kws_host.c").read_text(encoding="utf-8")
