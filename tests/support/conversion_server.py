"""Conversions in no time: forked from a process that has TensorFlow, which takes seconds to load.

The program reads a line of JSON for each conversion from stdin, `job` and `stderr`, two paths, and
answers with the line of its exit code, negative where a signal ended it. `ConversionServer` starts
it at the first conversion and stands in for `subprocess.run` in `export.convert.converter`.
"""

import json
import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

CHILD = "export.convert.child"


def serve() -> None:
    from export.convert import child  # imported once, before all forks

    for line in sys.stdin:
        request = json.loads(line)
        process = os.fork()
        if not process:
            os.dup2(os.open(request["stderr"], os.O_WRONLY | os.O_CREAT), 2)
            os._exit(_convert(child, request["job"]))
        _, status = os.waitpid(process, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _convert(child: Any, job: str) -> int:
    try:
        for each in json.loads(Path(job).read_text(encoding="utf-8")):
            child.convert(each)
    except Exception:
        traceback.print_exc()
        return 1
    return 0


class ConversionServer:
    """One process that conversions are forked from, and no test is run in."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[str] | None = None

    def run(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        """As `subprocess.run`, of which it is an instance for all but plain conversions."""
        if command[3:4] != [CHILD]:
            return subprocess.run(command, **options)
        if self._server is None:
            self._server = _start(options["env"])
        with tempfile.NamedTemporaryFile() as said:
            request = {"job": command[4], "stderr": said.name}
            print(json.dumps(request), file=self._server.stdin, flush=True)
            code = int(self._server.stdout.readline())
            stderr = Path(said.name).read_text(errors="replace")
        return subprocess.CompletedProcess(command, code, stdout="", stderr=stderr)

    def stop(self) -> None:
        if self._server:
            self._server.communicate()


def _start(environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", __file__],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # what each conversion says goes to a file of its own
        text=True,
    )


if __name__ == "__main__":
    serve()
