"""What `pld-tf` does, in one process: every --help, a doctor, a short training, a plot.

Arguments: a folder with the `tones` and `tiny.toml` of tiny_run, then names of packages. Prints a
line of JSON: the exit code of each command, and version and place of each package.
"""

import contextlib
import io
import json
import sys
from importlib import import_module, metadata
from pathlib import Path

import tiny_reproduction

from pld_tf.commands.app import app
from pld_tf.commands.main import main
from pld_tf.reproduce.plot import write_plot


def run(*arguments: object) -> int:
    sys.argv = ["pld-tf", *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def commands() -> list[list[str]]:
    import typer

    top = typer.main.get_command(app).commands
    inner = [[name, below] for name in top for below in getattr(top[name], "commands", {})]
    return [[], *([name] for name in top), *inner]


def jobs(folder: Path) -> list[list[object]]:
    tones, run_dir = folder / "tones", folder / "run"
    return [
        *([*command, "--help"] for command in commands()),
        ["recipes"],
        ["doctor", tones],
        ["distill", folder / "tiny.toml", "--data", tones, "--run-dir", run_dir],
        ["evaluate", run_dir, "--data", tones],
    ]


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    packages = sys.argv[2:]
    codes = {" ".join(map(str, job)): run(*job) for job in jobs(folder)}
    write_plot(folder / "plot.png", tiny_reproduction.made_up_report({}))
    loaded = {
        name: [metadata.version(name), str(import_module(name).__file__)] for name in packages
    }
    sys.stdout.write(json.dumps({"codes": codes, "loaded": loaded}))
