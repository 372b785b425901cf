"""What is often handed over for data and holds no rows that could be read: each refused by its first bytes."""

from __future__ import annotations

from tilth.shards.errors import SourceError

UNPACK = "unpack it first and name the files inside"
# First bytes -> what it is, what to do.
KNOWN = {
    b"PK\x03\x04": ("a zip archive (so are .xlsx, .docx and .npz files)", UNPACK),
    b"PK\x05\x06": ("an empty zip archive", UNPACK),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", UNPACK),
    b"Rar!\x1a\x07": ("a rar archive", UNPACK),
    b"version https://git-lfs.github.com/spec/": (
        "a git-lfs pointer: the file itself has not been fetched",
        "run `git lfs pull` where it was cloned",
    ),
    b"%PDF-": ("a PDF", 'extract its text first, a document a line: {"text": …}'),
    b"SQLite format 3\x00": ("an SQLite database", "export the table as Parquet or CSV"),
    b"\x89HDF\r\n\x1a\n": ("an HDF5 file", "export it as Parquet or JSON lines"),
    b"\x93NUMPY": ("a NumPy array", "export the texts as Parquet or JSON lines"),
    b"\x80\x02": ("a Python pickle, which could run code", "save it as Parquet or JSON lines"),
    b"\x80\x03": ("a Python pickle, which could run code", "save it as Parquet or JSON lines"),
    b"\x80\x04": ("a Python pickle, which could run code", "save it as Parquet or JSON lines"),
    b"\x80\x05": ("a Python pickle, which could run code", "save it as Parquet or JSON lines"),
}
PAGES = (b"<!doctype html", b"<html")
TAR_AT, TAR_MARK = 257, b"ustar"


def refuse(head: bytes, name: str) -> None:
    """Raise SourceError if these first bytes, stored or decompressed, are of a file that holds no rows."""
    known = next((what for magic, what in KNOWN.items() if head.startswith(magic)), None)
    if head[TAR_AT : TAR_AT + len(TAR_MARK)] == TAR_MARK:
        known = "a tar archive", UNPACK
    elif head.lstrip()[:16].lower().startswith(PAGES):
        known = "an HTML page, perhaps of an error or a login", "fetch the data again"
    if known:
        what, next_step = known
        raise SourceError(name, f"this is {what}", "no row of it was read", next_step)
