"""Processes that are forked in no time from one that has imported what they need."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext


@contextmanager
def preloaded(*modules: str) -> Iterator[ForkServerContext]:
    """A context whose processes start from a server with these modules, none of them a test.

    There is one server at a time; it is stopped first and at the end, so that other tests get
    theirs.
    """
    context = multiprocessing.get_context("forkserver")
    forkserver._forkserver._stop()
    context.set_forkserver_preload(list(modules))
    try:
        yield context
    finally:
        forkserver._forkserver._stop()
