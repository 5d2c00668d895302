"""The container of a segment: named little-endian arrays in one file, each aligned and checksummed.

Layout: magic, sections at multiples of 64 bytes, a JSON directory, and a footer that says where the directory lies and
what its checksum is. No pickle: a file is data, never code. A published file is never written to again.

In: arrays and bytes. Out: a read-only view of them through one shared memory map; a section is verified against its
checksum the first time it is asked for, so that damage is an error and never an answer.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import zlib
from bisect import bisect_left
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import IndexDamagedError
from .files import FileSystem

MAGIC = b"NEWSSEG1"
ALIGNMENT = 64
_FOOTER = struct.Struct("<QII8s")
Array = npt.NDArray[Any]


class SectionWriter:
    """Writes one file of sections. ``finish`` returns its size in bytes once everything is on the disk."""

    def __init__(self, path: Path, files: FileSystem) -> None:
        self.path = path
        self._handle = files.create(path)
        self._position = 0
        self._directory: dict[str, list[Any]] = {}
        try:
            self._write(MAGIC)
        except BaseException:
            self.abandon()
            raise

    def _write(self, data: bytes | memoryview) -> None:
        self._handle.write(data)
        self._position += len(data)

    def add(self, name: str, array: Array) -> None:
        """Write an array, one-dimensional, in little-endian order."""
        if name in self._directory:
            raise ValueError(f"section {name} is written twice")
        plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        self._write(b"\0" * (-self._position % ALIGNMENT))
        data = plain.data.cast("B") if plain.size else memoryview(b"")
        self._directory[name] = [self._position, data.nbytes, plain.dtype.str, zlib.crc32(data)]
        self._write(data)

    def add_bytes(self, name: str, data: bytes) -> None:
        """Write raw bytes as an array of u1."""
        self.add(name, np.frombuffer(data, np.uint8))

    def add_strings(self, name: str, strings: list[str]) -> None:
        """Write a list of texts as ``<name>.blob`` (UTF-8) and ``<name>.sizes`` (bytes of each)."""
        encoded = [text.encode() for text in strings]
        self.add_bytes(name + ".blob", b"".join(encoded))
        self.add(name + ".sizes", narrow(np.fromiter(map(len, encoded), np.int64, len(encoded))))

    def finish(self, meta: dict[str, Any]) -> int:
        """Write directory and footer, sync, close; return the size of the file in bytes."""
        directory = json.dumps({"meta": meta, "sections": self._directory}, sort_keys=True).encode()
        start = self._position
        self._write(directory)
        self._write(_FOOTER.pack(start, len(directory), zlib.crc32(directory), MAGIC))
        self._handle.sync()
        self._handle.close()
        return self._position

    def abandon(self) -> None:
        """Close without finishing; the caller removes the file."""
        self._handle.close()


class SectionFile:
    """One file of sections, opened for reading. Any number of threads may use it.

    Raises IndexDamagedError where the file is shorter than it should be, or a checksum does not hold.
    Opening costs one map and one read of the directory, whatever the size.
    """

    def __init__(self, path: Path, expected_bytes: int | None = None, *, data: bytes | None = None) -> None:
        """Open a file. data : what it holds, where that is in memory and not on the disk."""
        self.path = path
        self._map = _map(path, expected_bytes) if data is None else data
        self.size = size = len(self._map)
        start, length, checksum, magic = _FOOTER.unpack(self._map[-_FOOTER.size :])
        if magic != MAGIC or self._map[: len(MAGIC)] != MAGIC:
            raise IndexDamagedError(path, "it does not begin and end as a segment does", "footer")
        if start + length + _FOOTER.size != size:
            raise IndexDamagedError(path, "its directory does not end where the file does", "footer")
        raw = self._map[start : start + length]
        if zlib.crc32(raw) != checksum:
            raise IndexDamagedError(path, "the checksum does not hold", "directory")
        directory = json.loads(raw)
        self.meta: dict[str, Any] = directory["meta"]
        self._sections: dict[str, list[Any]] = directory["sections"]
        self._arrays: dict[str, Array] = {}

    def names(self) -> list[str]:
        """Return the names of all sections."""
        return sorted(self._sections)

    def __contains__(self, name: str) -> bool:
        return name in self._sections

    def array(self, name: str) -> Array:
        """Return a section as a read-only array over the map; verified at first use."""
        found = self._arrays.get(name)
        if found is None:
            found = self._verified(name)
            self._arrays[name] = found
        return found

    def unverified(self, name: str) -> memoryview:
        """Return a section's bytes without reading them: for blocks that carry checksums of their own."""
        offset, length, _, _ = self._entry(name)
        return memoryview(self._map)[offset : offset + length]

    def _entry(self, name: str) -> list[Any]:
        entry = self._sections.get(name)
        if entry is None:
            raise IndexDamagedError(self.path, "the section is missing", name)
        return entry

    def _verified(self, name: str) -> Array:
        offset, length, dtype, checksum = self._entry(name)
        if zlib.crc32(memoryview(self._map)[offset : offset + length]) != checksum:
            raise IndexDamagedError(self.path, "the checksum does not hold", name)
        kind = np.dtype(dtype)
        return np.frombuffer(self._map, kind, length // kind.itemsize, offset)

    def problems(self) -> list[str]:
        """Read everything and return what is wrong, a sentence a section; padding between sections included."""
        found = []
        end = len(MAGIC)
        for name, (offset, length, _, checksum) in sorted(self._sections.items(), key=lambda item: item[1][0]):
            if any(self._map[end:offset]):
                found.append(f"{self.path.name}, before section {name}: the padding is not empty")
            if zlib.crc32(memoryview(self._map)[offset : offset + length]) != checksum:
                found.append(f"{self.path.name}, section {name}: the checksum does not hold")
            end = max(end, offset + length)
        return found


def _map(path: Path, expected_bytes: int | None) -> mmap.mmap:
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if expected_bytes is not None and size != expected_bytes:
                raise IndexDamagedError(path, f"it has {size} bytes, expected {expected_bytes}")
            if size < len(MAGIC) + _FOOTER.size:
                raise IndexDamagedError(path, f"it has only {size} bytes")
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise IndexDamagedError(path, "the file is missing") from None


_LINE_END = ord("\n")


class Strings:
    """A table of texts in a section file: position to text, and for a sorted table text to position.

    Nothing is decoded before it is asked for; where each text begins is added up once, from sizes of a byte or two.
    Finding costs a search among every 32nd text, which are held in memory
    (2 bytes a text), and five comparisons: 3 µs, where 17 comparisons in Python take 20.
    """

    _STEP = 32

    def __init__(self, file: SectionFile, name: str) -> None:
        self._blob = file.array(name + ".blob").data
        sizes = file.array(name + ".sizes")
        offsets = np.zeros(len(sizes) + 1, np.uint32)
        np.cumsum(sizes, out=offsets[1:])
        if int(offsets[-1]) != len(self._blob):
            raise IndexDamagedError(file.path, "the sizes do not add up to the texts", name + ".sizes")
        self._offsets = offsets
        self._path = file.path

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def raw(self, position: int) -> bytes:
        """Return the UTF-8 bytes of one text."""
        return bytes(self._blob[int(self._offsets[position]) : int(self._offsets[position + 1])])

    def __getitem__(self, position: int) -> str:
        return self.raw(position).decode()

    def all(self) -> list[str]:
        """Return all texts. Cost: decodes the table."""
        whole = bytes(self._blob)
        offsets = self._offsets.tolist()
        return [whole[a:b].decode() for a, b in zip(offsets, offsets[1:], strict=False)]

    def lines(self) -> str:
        """Return all texts, none of which has a line end, each with one after it. Cost: 10 ns a byte."""
        ends = self._offsets[1:].astype(np.int64)
        return np.insert(np.frombuffer(self._blob, np.uint8), ends, _LINE_END).tobytes().decode()

    def some(self, positions: Array) -> list[str]:
        """Return the texts at some positions. Cost: decodes these."""
        whole = bytes(self._blob)
        starts, ends = self._offsets[positions].tolist(), self._offsets[1:][positions].tolist()
        return [whole[a:b].decode() for a, b in zip(starts, ends, strict=True)]

    def lower_bound(self, key: bytes) -> int:
        """Return the first position whose text is not below ``key`` (the table is sorted)."""
        block = bisect_left(self._samples, key)
        if not block:
            return 0
        low, high = (block - 1) * self._STEP + 1, min(block * self._STEP, len(self))
        blob, offset = self._blob, self._offsets.item
        while low < high:
            middle = (low + high) // 2
            if bytes(blob[offset(middle) : offset(middle + 1)]) < key:
                low = middle + 1
            else:
                high = middle
        return low

    @cached_property
    def _samples(self) -> list[bytes]:
        """Every 32nd text, of a sorted table."""
        return [self.raw(position) for position in range(0, len(self), self._STEP)]

    def find(self, key: bytes) -> int:
        """Return the position of a text in a sorted table, -1 where it is not."""
        position = self.lower_bound(key)
        return position if position < len(self) and self.raw(position) == key else -1

    def range_of_prefix(self, prefix: bytes) -> tuple[int, int]:
        """Return the half-open range of positions whose texts begin with ``prefix`` (the table is sorted)."""
        start = self.lower_bound(prefix)
        above = prefix.rstrip(b"\xff")
        if not above:
            return start, len(self)
        return start, self.lower_bound(above[:-1] + bytes([above[-1] + 1]))


def narrow(array: Array) -> Array:
    """Return unsigned whole numbers in the narrowest type that holds them: u1, u2, u4 or u8."""
    highest = int(array.max()) if array.size else 0
    for kind in (np.uint8, np.uint16, np.uint32):
        if highest <= np.iinfo(kind).max:
            return array.astype(kind)
    return array.astype(np.uint64)


def expand(starts: Array, counts: Array) -> npt.NDArray[np.int64]:
    """Return ``starts[i], starts[i] + 1, …`` (``counts[i]`` of them) for every i, one after another.

    The gather behind every walk over compressed rows. Cost: O(sum of counts).
    """
    counts = counts.astype(np.int64, copy=False)
    # Where each row begins in the section, less where it begins in the result.
    shifts = counts - counts.cumsum()
    shifts += starts.astype(np.int64, copy=False)
    places: npt.NDArray[np.int64] = shifts.repeat(counts)
    places += np.arange(len(places))
    return places
