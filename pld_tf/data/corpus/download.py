"""Download and unpack Speech Commands."""

import gzip
import hashlib
import http.client
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pld_tf.errors import PldError
from pld_tf.system.files import outside_working_folder
from pld_tf.system.progress import Advance
from pld_tf.system.whole_folder import whole_folder

_TIMEOUT_S = 60
_CHUNK_BYTES = 1 << 20
_PARTIAL_CONTENT = 206
_RANGE_NOT_SATISFIABLE = 416
_MAX_UNPACKED_BYTES = 20 * 2**30
_DONE_MARKER = ".speech_commands"  # a name that no word has


class Archive(NamedTuple):
    """Address, size and checksum of an official archive."""

    url: str
    sha256: str
    size: int


# SHA-256 from torchaudio/datasets/speechcommands.py; the second also in TensorFlow Datasets.
ARCHIVES = {
    1: Archive(
        "https://storage.googleapis.com/download.tensorflow.org/data/speech_commands_v0.01.tar.gz",
        "743935421bb51cccdb6bdd152e04c5c70274e935c82119ad7faeec31780d811d",
        1_489_096_277,
    ),
    2: Archive(
        "https://storage.googleapis.com/download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
        "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
        2_428_923_189,
    ),
}


def download_speech_commands(
    version: int, directory: Path, *, url: str | None = None, progress: Advance | None = None
) -> None:
    """Put an official Speech Commands corpus into a folder.

    A stopped download continues where it stopped, if the server supports that. The folder appears
    once it is complete. After that the same call does nothing.

    Args:
      version: 1 or 2.
      directory: created; may exist if empty. The archive lies beside it until it is unpacked.
      url: another address of the same archive; http or https.
      progress: called with bytes so far and bytes in all.

    Raises:
      PldError: unknown version, no connection, a wrong checksum, a damaged archive, a full disk, or
        `directory` holds something else or is the working folder.
    """
    if version not in ARCHIVES:
        raise PldError(f"expected Speech Commands version 1 or 2, got {version}.")
    archive = ARCHIVES[version]
    source = url or archive.url
    if not source.lower().startswith(("https://", "http://")):
        raise PldError(f"expected an http or https address, got {source}.")
    fetch_archive(archive._replace(url=source), directory, progress=progress)


def fetch_archive(archive: Archive, directory: Path, *, progress: Advance | None = None) -> None:
    """Download an archive of known size and checksum, and unpack it as `directory`."""
    if _is_unpacked(directory, archive):
        return
    directory = outside_working_folder(directory)
    part = directory.parent / f"{archive.url.rpartition('/')[2] or 'archive'}.part"
    with _told_when_unwritable(part):
        part.parent.mkdir(parents=True, exist_ok=True)
        _download(archive, part, progress)
    _check(archive, part)
    _unpack(archive, part, directory)
    part.unlink()


def _is_unpacked(directory: Path, archive: Archive) -> bool:
    if not directory.exists():
        return False
    marker = directory / _DONE_MARKER
    if marker.is_file() and marker.read_bytes().strip() == archive.sha256.encode():
        return True
    if not directory.is_dir() or any(directory.iterdir()):
        raise PldError(
            f"{directory}: expected a new or empty folder, or the same corpus complete; found "
            "something else. Name another folder."
        )
    return False


def _download(archive: Archive, part: Path, progress: Advance | None) -> None:
    have = part.stat().st_size if part.exists() else 0
    if have == archive.size:
        return
    if have > archive.size:
        part.unlink()
        have = 0
    request = urllib.request.Request(archive.url)
    if have:
        request.add_header("Range", f"bytes={have}-")
    with _ask(request, part) as response:
        resumes = response.status == _PARTIAL_CONTENT and _starts_at(response, have)
        with part.open("ab" if resumes else "wb") as file:
            _copy(response, file, archive, progress)


def _ask(request: urllib.request.Request, part: Path) -> http.client.HTTPResponse:
    with _told_when_cut_off(request.full_url):
        try:
            return urllib.request.urlopen(request, timeout=_TIMEOUT_S)
        except urllib.error.HTTPError as error:
            if error.code == _RANGE_NOT_SATISFIABLE:
                part.unlink()  # the partial file does not match the server's
            raise PldError(
                f"{request.full_url}: the server answers {error.code} {error.reason}."
            ) from None


@contextmanager
def _told_when_cut_off(url: str) -> Iterator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        raise PldError(
            f"{url}: the connection failed ({error}); run the same command again to go on."
        ) from None


@contextmanager
def _told_when_unwritable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PldError(
            f"{path} can't be written: {error.strerror or error}. Free some space or name another "
            "folder; the same command goes on from what is there."
        ) from None


def _starts_at(response: http.client.HTTPResponse, have: int) -> bool:
    return (response.headers.get("Content-Range") or "").startswith(f"bytes {have}-")


def _copy(
    response: http.client.HTTPResponse, file: BinaryIO, archive: Archive, progress: Advance | None
) -> None:
    done = file.tell()
    while chunk := _read(response, archive.url):
        done += len(chunk)
        if done > archive.size:
            raise PldError(
                f"{archive.url}: expected {archive.size} bytes, the server sends more. "
                "It is not this archive; check the address."
            )
        file.write(chunk)
        if progress:
            progress(done, archive.size)
    if done < archive.size:
        raise PldError(
            f"{archive.url}: expected {archive.size} bytes, the connection ended after {done}; "
            "run the same command again to go on."
        )


def _read(response: http.client.HTTPResponse, url: str) -> bytes:
    with _told_when_cut_off(url):
        return response.read(_CHUNK_BYTES)


def _check(archive: Archive, part: Path) -> None:
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != archive.sha256:
        part.unlink()  # no part of it can be trusted, so none may be resumed
        raise PldError(
            f"{archive.url}: expected SHA-256 {archive.sha256}, got {found}. The download is "
            "removed; run the same command again."
        )


def _unpack(archive: Archive, part: Path, directory: Path) -> None:
    try:
        with whole_folder(directory, refuse=lambda out: _is_unpacked(out, archive)) as stage:
            _extract(part, stage)
            (stage / _DONE_MARKER).write_text(archive.sha256 + "\n", encoding="utf-8")
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise PldError(
            f"{part}: expected a .tar.gz archive that is whole and stays in its folder, got: "
            f"{error}. Remove it and download it again."
        ) from None


def _extract(part: Path, stage: Path) -> None:
    unpacked = 0
    with tarfile.open(part, "r:gz") as tar:
        for member in tar:
            unpacked += member.size
            if unpacked > _MAX_UNPACKED_BYTES:
                raise tarfile.TarError(f"over {_MAX_UNPACKED_BYTES} bytes unpacked")
            tar.extract(member, stage, filter="data")
