"""Stored bytes to plain chunks: gzip, zstd, bzip2, xz or as they are, within caps on size and expansion.

No call can expand without bound: zlib is asked for at most a chunk, and zstd, whose blocks reach 32 kB per
byte, is fed a kilobyte at a time.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import BinaryIO

import zstandard

from tilth.curation.reading.limits import ReadLimits, Reason, Unreadable

CHUNK_BYTES = 1 << 18
ZSTD_FEED_BYTES = 1 << 10
GZIP_WITH_CHECKS = 31  # zlib's wbits for a gzip header and its CRC
XZ_MEMORY_BYTES = 256 << 20  # what a stream may ask of its reader; `xz -9` asks for 65 MiB
MAGIC = {".gz": b"\x1f\x8b", ".zst": b"\x28\xb5\x2f\xfd", ".bz2": b"BZh", ".xz": b"\xfd7zXZ\x00"}
SUFFIXES = {
    ".gz": ".gz",
    ".gzip": ".gz",
    ".zst": ".zst",
    ".zstd": ".zst",
    ".bz2": ".bz2",
    ".bzip2": ".bz2",
    ".xz": ".xz",
}


def chunks(stored: BinaryIO, name: str, limits: ReadLimits) -> Iterator[bytes]:
    """Yield the plain bytes of a file in chunks of at least CHUNK_BYTES, the last one excepted.

    Raises Unreadable with a reason in FINAL once everything before that point has been yielded.
    """
    held: list[bytes] = []
    size = total = 0
    try:
        for piece in _pieces(stored, name):
            held.append(piece)
            size += len(piece)
            total += len(piece)
            if total > limits.max_file_bytes:
                raise Unreadable(Reason.FILE_LIMIT)
            if total > limits.free_expansion_bytes and total > limits.max_expansion * stored.tell():
                raise Unreadable(Reason.EXPANSION_LIMIT)
            if size >= CHUNK_BYTES:
                yield b"".join(held)
                held, size = [], 0
    except Unreadable:
        if held:
            yield b"".join(held)
        raise
    if held:
        yield b"".join(held)


def codec(head: bytes, name: str) -> str | None:
    """Return a key of MAGIC or None from the first bytes; the suffix decides only where they are too few."""
    for suffix, magic in MAGIC.items():
        if head.startswith(magic):
            return suffix
    suffix = SUFFIXES.get(PurePath(name).suffix.lower(), "")
    return suffix if suffix and len(head) < len(MAGIC[suffix]) and MAGIC[suffix].startswith(head) else None


def plain_suffix(name: str) -> str:
    """Return the lower-case suffix of a file name, compression left out: `.jsonl` of `a.jsonl.gz`."""
    path = PurePath(name)
    return (PurePath(path.stem) if path.suffix.lower() in SUFFIXES else path).suffix.lower()


def _pieces(stored: BinaryIO, name: str) -> Iterator[bytes]:
    head = stored.read(max(map(len, MAGIC.values())))
    stored.seek(0)
    kind = codec(head, name)
    if kind == ".gz":
        return _gunzip(stored)
    if kind == ".zst":
        return _unzstd(stored)
    if kind == ".bz2":
        return _unpack(stored, bz2.BZ2Decompressor)
    if kind == ".xz":
        return _unpack(stored, lambda: lzma.LZMADecompressor(memlimit=XZ_MEMORY_BYTES))
    return iter(lambda: stored.read(CHUNK_BYTES), b"")


def _gunzip(stored: BinaryIO) -> Iterator[bytes]:
    member = zlib.decompressobj(GZIP_WITH_CHECKS)
    feed = stored.read(CHUNK_BYTES)
    started = True
    while feed:
        try:
            piece = member.decompress(feed, CHUNK_BYTES)
        except zlib.error:
            raise Unreadable(Reason.DAMAGED_ARCHIVE) from None
        started = True
        if piece:
            yield piece
        feed = member.unconsumed_tail or member.unused_data or stored.read(CHUNK_BYTES)
        if member.eof:
            member, started = zlib.decompressobj(GZIP_WITH_CHECKS), False
            while feed and not (feed := feed.lstrip(b"\0")):  # padding after the last member
                feed = stored.read(CHUNK_BYTES)
    if started:
        yield member.flush()
        raise Unreadable(Reason.CUT_ARCHIVE)


def _unzstd(stored: BinaryIO) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor()
    frame = decompressor.decompressobj()
    feed = stored.read(ZSTD_FEED_BYTES)
    started = True
    while feed:
        try:
            piece = frame.decompress(feed)
        except zstandard.ZstdError:
            raise Unreadable(Reason.DAMAGED_ARCHIVE) from None
        started = True
        if piece:
            yield piece
        feed = frame.unused_data if frame.eof else b""
        if frame.eof:
            frame, started = decompressor.decompressobj(), False
        feed = feed or stored.read(ZSTD_FEED_BYTES)
    if started:
        raise Unreadable(Reason.CUT_ARCHIVE)


def _unpack(
    stored: BinaryIO, new: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor]
) -> Iterator[bytes]:
    """Yield what streams of bzip2 or xz hold, one after the other, at most a chunk at a time."""
    stream, feed, started = new(), stored.read(CHUNK_BYTES), True
    while feed or not (stream.needs_input or stream.eof):
        try:
            piece = stream.decompress(feed, CHUNK_BYTES)
        except (OSError, lzma.LZMAError, EOFError):
            raise Unreadable(Reason.DAMAGED_ARCHIVE) from None
        started = True
        if piece:
            yield piece
        feed = b""
        if stream.eof:
            feed, stream, started = stream.unused_data.lstrip(b"\0"), new(), False
            feed = feed or stored.read(CHUNK_BYTES)
        elif stream.needs_input:
            feed = stored.read(CHUNK_BYTES)
    if started:
        raise Unreadable(Reason.CUT_ARCHIVE)
