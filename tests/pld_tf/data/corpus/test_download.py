import errno
import gzip
import hashlib
import http.client
import io
import os
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pld_tf.data.corpus import download
from pld_tf.data.corpus.download import Archive, download_speech_commands, fetch_archive
from pld_tf.errors import PldError
from pld_tf.system.temporary import beside


class Server(ThreadingHTTPServer):
    """Serves `body`; can cut a reply short, ignore ranges, or fail. Remembers the ranges asked."""

    body = b""
    cut_after: int | None = None
    knows_ranges = True
    status = 200

    def __init__(self) -> None:
        self.ranges: list[str | None] = []
        super().__init__(("127.0.0.1", 0), Handler)

    def archive(self) -> Archive:
        url = f"http://127.0.0.1:{self.server_port}/words.tar.gz"
        return Archive(url, hashlib.sha256(self.body).hexdigest(), len(self.body))


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        if self.server.status != 200:
            self.send_error(self.server.status)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        body = self.server.body
        if asked and self.server.knows_ranges:
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            body = body[start:]
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.cut_after])

    def log_message(self, *_: object) -> None:
        """Keeps the test's output clean."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.body = tarball({"yes/a_nohash_0.wav": b"audio", "testing_list.txt": b""})
        yield running
        running.shutdown()
        thread.join()


def tarball(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_archive_is_unpacked_and_only_the_corpus_is_left(server, tmp_path):
    seen = []
    fetch_archive(server.archive(), tmp_path / "words", progress=lambda *at: seen.append(at))
    assert (tmp_path / "words" / "yes" / "a_nohash_0.wav").read_bytes() == b"audio"
    assert names(tmp_path) == ["words"]
    assert seen[-1] == (len(server.body), len(server.body))


def test_a_second_call_asks_the_server_nothing(server, tmp_path):
    for _ in range(2):
        fetch_archive(server.archive(), tmp_path / "words")
    assert server.ranges == [None]


def test_a_cut_download_goes_on_where_it_stopped(server, tmp_path):
    server.cut_after = 50
    with pytest.raises(PldError, match="the connection ended after 50; run the same command"):
        fetch_archive(server.archive(), tmp_path / "words")
    assert names(tmp_path) == ["words.tar.gz.part"]
    server.cut_after = None
    fetch_archive(server.archive(), tmp_path / "words")
    assert server.ranges == [None, "bytes=50-"]
    assert names(tmp_path) == ["words"]


def test_a_cut_download_starts_over_where_the_server_knows_no_ranges(server, tmp_path):
    server.knows_ranges = False
    (tmp_path / "words.tar.gz.part").write_bytes(b"?" * 50)
    fetch_archive(server.archive(), tmp_path / "words")
    assert server.ranges == ["bytes=50-"]
    assert (tmp_path / "words" / "yes" / "a_nohash_0.wav").read_bytes() == b"audio"


def test_a_part_longer_than_the_archive_is_thrown_away(server, tmp_path):
    (tmp_path / "words.tar.gz.part").write_bytes(b"?" * (len(server.body) + 1))
    fetch_archive(server.archive(), tmp_path / "words")
    assert server.ranges == [None]


def test_a_whole_part_is_unpacked_without_asking_the_server(server, tmp_path):
    (tmp_path / "words.tar.gz.part").write_bytes(server.body)
    fetch_archive(server.archive(), tmp_path / "words")
    assert server.ranges == []
    assert names(tmp_path) == ["words"]


def test_a_wrong_checksum_removes_the_download_and_leaves_no_folder(server, tmp_path):
    archive = server.archive()._replace(sha256="0" * 64)
    with pytest.raises(PldError, match=r"expected SHA-256 0000.*The download is removed"):
        fetch_archive(archive, tmp_path / "words")
    assert names(tmp_path) == []


def test_a_server_that_sends_more_is_stopped(server, tmp_path):
    archive = server.archive()._replace(size=10)
    with pytest.raises(PldError, match="expected 10 bytes, the server sends more"):
        fetch_archive(archive, tmp_path / "words")


@pytest.mark.parametrize(
    ("status", "part", "left"), [(404, b"?", ["words.tar.gz.part"]), (416, b"?", [])]
)
def test_an_error_of_the_server_is_named(server, tmp_path, status, part, left):
    server.status = status
    (tmp_path / "words.tar.gz.part").write_bytes(part)
    with pytest.raises(PldError, match=f"the server answers {status}"):
        fetch_archive(server.archive(), tmp_path / "words")
    assert names(tmp_path) == left


def test_a_connection_lost_while_reading_is_named(server, tmp_path, monkeypatch):
    def lose(*_: object) -> bytes:
        raise TimeoutError("timed out")

    monkeypatch.setattr(http.client.HTTPResponse, "read", lose)
    with pytest.raises(PldError, match=r"gz: the connection failed \(timed out\); run the same"):
        fetch_archive(server.archive(), tmp_path / "words")


@pytest.mark.parametrize("when", ["writing", "closing"])
def test_a_full_disk_is_not_taken_for_a_lost_connection(server, tmp_path, monkeypatch, when):
    class FullDisk(io.BytesIO):
        def fail(self, *_: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        write = fail if when == "writing" else io.BytesIO.write
        __exit__ = fail if when == "closing" else io.BytesIO.__exit__

    monkeypatch.setattr(Path, "open", lambda *_, **__: FullDisk())
    message = r"words\.tar\.gz\.part can't be written: No space left on device\. Free some space"
    with pytest.raises(PldError, match=message):
        fetch_archive(server.archive(), tmp_path / "words")


def test_a_folder_that_cannot_be_made_is_named(server, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(PldError, match=r"file/words\.tar\.gz\.part can't be written: File exists"):
        fetch_archive(server.archive(), tmp_path / "file" / "words")
    assert server.ranges == []


def test_the_working_folder_is_refused_before_the_server_is_asked(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PldError, match=r"^\. is the folder you are in.* Name a new folder"):
        fetch_archive(server.archive(), Path())
    assert names(tmp_path) == []
    assert server.ranges == []


def test_an_empty_folder_behind_a_link_is_filled(server, tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "words").symlink_to(tmp_path / "disk")
    fetch_archive(server.archive(), tmp_path / "words")
    assert (tmp_path / "disk" / "yes" / "a_nohash_0.wav").read_bytes() == b"audio"


def test_a_server_that_is_not_there_is_named(server, tmp_path):
    archive = server.archive()
    server.shutdown()
    server.server_close()
    with pytest.raises(PldError, match="the connection failed"):
        fetch_archive(archive, tmp_path / "words")


@pytest.mark.parametrize("name", ["../escaped.wav", "yes/../../escaped.wav"])
def test_a_member_outside_the_folder_is_refused(server, tmp_path, name):
    server.body = tarball({"yes/a.wav": b"audio", name: b"evil"})
    inner = tmp_path / "inner"
    with pytest.raises(PldError, match="stays in its folder"):
        fetch_archive(server.archive(), inner / "words")
    assert names(inner) == ["words.tar.gz.part"]
    assert names(tmp_path) == ["inner"]


def test_a_link_out_of_the_folder_is_refused(server, tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        link = tarfile.TarInfo("yes")
        link.type, link.linkname = tarfile.SYMTYPE, "/tmp"
        tar.addfile(link)
    server.body = buffer.getvalue()
    with pytest.raises(PldError, match="stays in its folder"):
        fetch_archive(server.archive(), tmp_path / "words")


def test_an_archive_that_unpacks_without_end_is_stopped(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "_MAX_UNPACKED_BYTES", 4)
    with pytest.raises(PldError, match="over 4 bytes unpacked"):
        fetch_archive(server.archive(), tmp_path / "words")


@pytest.mark.parametrize("damage", ["truncated", "no gzip", "no tar"])
def test_an_archive_that_is_not_whole_is_refused(server, tmp_path, damage):
    big = tarball({"yes/a.wav": bytes(range(256)) * 400})
    server.body = {
        "truncated": big[: len(big) // 2],
        "no gzip": b"words",
        "no tar": gzip.compress(b"w"),
    }[damage]
    with pytest.raises(PldError, match=r"expected a \.tar\.gz archive"):
        fetch_archive(server.archive(), tmp_path / "words")
    assert names(tmp_path) == ["words.tar.gz.part"]


def test_a_killed_unpacking_starts_again_cleanly(server, tmp_path):
    (beside(tmp_path / "words", f"{os.getpid()}.new") / "stale").mkdir(parents=True)
    fetch_archive(server.archive(), tmp_path / "words")
    assert names(tmp_path) == ["words"]
    assert "stale" not in names(tmp_path / "words")


def test_a_folder_with_something_else_is_left_alone(server, tmp_path):
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "mine.txt").write_text("mine")
    with pytest.raises(PldError, match="found something else"):
        fetch_archive(server.archive(), tmp_path / "words")
    assert names(tmp_path / "words") == ["mine.txt"]
    assert server.ranges == []


def test_an_official_version_is_fetched_from_another_address(server, tmp_path, monkeypatch):
    official = download.ARCHIVES[2]
    local = server.archive()
    monkeypatch.setitem(download.ARCHIVES, 2, local._replace(url=official.url))
    download_speech_commands(2, tmp_path / "words", url=local.url)
    assert (tmp_path / "words" / "yes").is_dir()


@pytest.mark.parametrize(
    ("version", "url", "reason"),
    [
        (3, None, "expected Speech Commands version 1 or 2, got 3"),
        (1, "file:///etc/hosts", "expected an http or https address, got file:"),
        (1, "ftp://localhost/a", "expected an http or https address, got ftp:"),
    ],
)
def test_unknown_versions_and_other_addresses_are_refused(tmp_path, version, url, reason):
    with pytest.raises(PldError, match=reason):
        download_speech_commands(version, tmp_path / "words", url=url)
    assert names(tmp_path) == []
