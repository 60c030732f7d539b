"""A bundle's C on this machine, called through ctypes. It computes what a device would."""

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_harness.errors import HarnessError
from firmware_harness.runtimes.host_build import HostCode, load_code
from firmware_harness.system.prefix import DEFAULT

_ALIGNMENT = 64  # at least what any model needs


class HostLibrary:
    """A folder's C, with as many parts as its files allow.

    Attributes:
      folder: folder of the C.
      has_frontend, has_stream: whether `features` can be called; whether `open_stream` can, and
        the attributes of streams exist.
      input_bytes, num_outputs, scratch_bytes: of the model.
      sample_rate_hz, window_samples, hop_samples, bins: of the front end.
      frames, hops_per_inference, labels, num_keywords: of streams; labels in output order.
      refractory: inferences kept silent after a detection.
    """

    def __init__(self, code: HostCode) -> None:
        self.folder = code.folder
        self.has_frontend = "frontend" in code.parts
        self.has_stream = "stream" in code.parts
        self._code = code
        self.input_bytes = code.size("input_bytes")
        self.num_outputs = code.size("output_bytes")
        self.scratch_bytes = code.size("scratch_bytes")
        if self.has_frontend:
            self.sample_rate_hz = code.size("sample_rate_hz")
            self.window_samples = code.size("window_samples")
            self.hop_samples = code.size("hop_samples")
            self.bins = code.size("bins")
        if self.has_stream:
            self.frames = code.size("frames")
            self.hops_per_inference = code.size("hops_per_inference")
            self.refractory = code.size("refractory")
            self.num_keywords = code.size("num_keywords")
            self.labels = tuple(map(self._label, range(code.size("num_classes"))))

    def run_model(self, inputs: NDArray[np.int8]) -> NDArray[np.int8]:
        """Logits for inputs, both as the model stores them.

        Args:
          inputs: int8 [inputs, ...], each with as many values as the model takes.

        Returns:
          int8 [inputs, classes].
        """
        count = len(inputs)
        if inputs.dtype != np.int8 or inputs.size != count * self.input_bytes:
            raise ValueError(
                f"the model takes {self.input_bytes} int8 values an input, got {inputs.dtype} "
                f"{list(inputs.shape)}."
            )
        kept = np.ascontiguousarray(inputs)  # a copy must live as long as the call
        outputs = np.empty((count, self.num_outputs), np.int8)
        scratch = aligned(self.scratch_bytes)
        status = self._code.function("run_model")(
            _pointer(kept),
            _pointer(outputs),
            ctypes.c_size_t(count),
            _pointer(scratch),
        )
        self._code.checked(status)
        return outputs

    def features(self, audio: NDArray[np.int16]) -> NDArray[np.int8]:
        """Features of whole recordings, each from its start, as the model takes them.

        Args:
          audio: int16 [recordings, samples].

        Returns:
          int8 [recordings, frames, bins].
        """
        self._require(self.has_frontend, "kws_frontend.c")
        audio = np.ascontiguousarray(_samples(audio))
        samples = audio.shape[1]
        frames = max(0, 1 + (samples - self.window_samples) // self.hop_samples)
        made = np.empty((len(audio), frames, self.bins), np.int8)
        state = aligned(self._code.size("frontend_bytes"))
        run = self._code.function("features", ctypes.c_size_t)
        for recording, out in zip(audio, made, strict=True):
            count = run(
                _pointer(state), _pointer(recording), ctypes.c_size_t(samples), _pointer(out)
            )
            if count != frames:
                raise HarnessError(
                    f"the front end of {self.folder} made {count} frames of {samples} samples, "
                    f"expected {frames}; its files do not fit together. Export it again."
                )
        return made

    def open_stream(self) -> "HostStream":
        """A new stream with the bundle's thresholds."""
        self._require(self.has_stream, "kws.c")
        return HostStream(self._code, self)

    def _require(self, there: bool, name: str) -> None:
        if not there:
            raise HarnessError(
                f"{self.folder} holds no {name} and what belongs to it, so it cannot hear audio. "
                "Give a bundle that pld-tf export has written from a run."
            )

    def _label(self, index: int) -> str:
        label: bytes = self._code.function("label", ctypes.c_char_p)(ctypes.c_size_t(index))
        return label.decode("utf-8", "replace")


class HostStream:
    """One stream of samples through kws.c. Use either `scores` or `words`, not both."""

    def __init__(self, code: HostCode, library: HostLibrary) -> None:
        self._code = code
        self._num_classes = len(library.labels)
        self._step = library.hop_samples * library.hops_per_inference
        self._state = aligned(code.size("state_bytes"))
        code.checked(code.function("init")(_pointer(self._state)))

    def scores(self, samples: NDArray[np.int16]) -> tuple[NDArray[np.uint64], NDArray[np.uint16]]:
        """Scores of each inference in the next samples.

        Args:
          samples: int16 [samples], any number.

        Returns:
          The end of each inference's audio in samples since the stream began, uint64 [inferences];
          and scores in 1/32768, uint16 [inferences, classes].
        """
        room = self._room(samples)
        times = np.empty(room, np.uint64)
        scores = np.empty((room, self._num_classes), np.uint16)
        made = self._push("push_scores", samples, times, scores)
        return times[:made], scores[:made]

    def words(self, samples: NDArray[np.int16]) -> list[tuple[int, int, int]]:
        """Time in samples since the stream began, word as index into `labels`, mean score."""
        room = self._room(samples)
        times, words = np.empty(room, np.uint64), np.empty(room, np.int32)
        scores = np.empty(room, np.uint16)
        made = self._push("push", samples, times, words, scores)
        return list(
            zip(times[:made].tolist(), words[:made].tolist(), scores[:made].tolist(), strict=True)
        )

    def _room(self, samples: NDArray[np.int16]) -> int:
        return len(samples) // self._step + 1

    def _push(self, name: str, samples: NDArray[np.int16], *outputs: NDArray[Any]) -> int:
        samples = np.ascontiguousarray(_samples(samples[None])[0])
        return self._code.checked(
            self._code.function(name)(
                _pointer(self._state),
                _pointer(samples),
                ctypes.c_size_t(len(samples)),
                *map(_pointer, outputs),
            )
        )


def open_library(folder: Path, *, prefix: str = DEFAULT) -> HostLibrary:
    """Compile a folder's C for this machine, once per process and content.

    Args:
      folder: a firmware bundle, or any folder with kws_model.h and kws_model.c.
      prefix: of all names in its C.

    Raises:
      HarnessError: files are missing, there is no compiler, or it refuses the C.
    """
    return HostLibrary(load_code(folder, prefix=prefix))


def aligned(size: int) -> NDArray[np.uint8]:
    """Zeros at an address that suits any C type and any model's scratch. At least one byte, because
    NumPy does not keep the address of an empty array."""
    room = np.zeros(max(1, size) + _ALIGNMENT, np.uint8)
    start = -room.ctypes.data % _ALIGNMENT
    return room[start : start + max(1, size)]


def _pointer(array: NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _samples(audio: NDArray[np.int16]) -> NDArray[np.int16]:
    if audio.dtype != np.int16 or audio.ndim != 2:
        raise ValueError(f"audio must be int16 samples, got {audio.dtype} {list(audio.shape)}.")
    return audio
