"""Bytes to rows or quarantined lines: every input passes through here, within limits and without loss.

Each line of input becomes exactly one occurrence, with the id of the row it is or the Reason it is none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice, repeat
from pathlib import Path
from typing import Any

from tilth.curation.reading.apart import Apart, Died
from tilth.curation.reading.batch import Origin, Part
from tilth.curation.reading.files import InputFile, find_files
from tilth.curation.reading.formats import Record, open_records
from tilth.curation.reading.intake import NOT_READ, Intake
from tilth.curation.reading.limits import ReadLimits, Reason, Unreadable, text_bytes
from tilth.curation.reading.recognise import Mapping, Row
from tilth.curation.reading.rows import RowReader, batches
from tilth.curation.reading.shapes import read_row
from tilth.curation.reading.source import Source
from tilth.shards.digest import file_sha256
from tilth.shards.errors import SourceError, Unsettled, UsageError

__all__ = ["Ingest", "Part", "Peek", "ReadLimits", "Reason", "Source", "SourceFile", "ingest", "peek"]

SAMPLE_ROWS = 200
SAMPLE_BYTES = 32 << 20

COMPILED = "jsonl"  # the format that the kernels read
# A smaller file of it is read before the compiler has even been loaded.
MIN_COMPILED_BYTES = 4 << 20

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class SourceFile:
    """One file that was read.

    path: as the user named it. digest: hex sha256 of the bytes as stored. lines: its occurrences. text_lines: the
    lines of its text, None where it is none. bytes, bytes_read: as stored, and how many of them were read, None
    where that is not known.
    problem: why not all of the file was read; one of its occurrences stands for what was not.
    intake: how it was read.
    """

    path: str
    source: str
    digest: str
    bytes: int
    lines: int
    problem: Reason | None = None
    intake: Intake = NOT_READ
    text_lines: int | None = None
    bytes_read: int | None = None


@dataclass(frozen=True)
class Ingest:
    """What reading the sources of a recipe left in its folder."""

    parts: list[Part]
    files: list[SourceFile]


def ingest(
    sources: list[Source],
    base_dir: Path,
    out_dir: Path,
    limits: ReadLimits,
    *,
    batch_rows: int = 20_000,
    on_progress: Progress | None = None,
) -> Ingest:
    """Read every source into parts of at most `batch_rows` lines under `out_dir`, in the order of the files.

    on_progress: called with the path and its stored bytes read so far and in all.
    Raises UsageError for a path or a shape that needs the user, SourceError for a file that cannot be read.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    parts: list[Part] = []
    files: list[SourceFile] = []
    with Apart(limits) as apart:
        for file in find_files(sources, base_dir, out_dir / "remote", limits):
            prefix = out_dir / f"{len(files):05d}"
            try:
                found, read = read_file(apart, file, prefix, limits, batch_rows, on_progress)
            except OSError as error:
                raise Unsettled(
                    file.named, f"it cannot be read ({error.strerror})", "the run stops"
                ) from error
            parts += found
            files.append(read)
    return Ingest(parts, files)


def read_file(
    apart: Apart,
    file: InputFile,
    prefix: Path,
    limits: ReadLimits,
    batch_rows: int,
    on_progress: Progress | None,
) -> tuple[list[Part], SourceFile]:
    """Read a file here if it is text, and in a process of its own if foreign code takes it apart."""
    with file.local.open("rb") as stored:
        kind, _ = open_records(stored, file.named, limits, file.source)
    if kind.is_text:
        return _read_file(file, prefix, limits, batch_rows, on_progress)
    try:
        read: tuple[list[Part], SourceFile] = apart.call(
            _read_file, file, prefix, limits, batch_rows, on_progress=on_progress
        )
    except Died as died:
        return _given_up(file, kind.name, prefix, died.reason)
    return read


def _given_up(file: InputFile, kind: str, prefix: Path, reason: Reason) -> tuple[list[Part], SourceFile]:
    """Return a file of which nothing is believed: one line in quarantine stands for it."""
    for left in prefix.parent.glob(f"{prefix.name}-*"):
        left.unlink()
    digest = file_sha256(file.local)
    origin = Origin(bytes.fromhex(digest), file.named, file.source_name)
    (tables,) = batches([reason], None, 1)
    part = tables.write(_numbered(prefix, []), origin)
    size = file.local.stat().st_size
    return [part], SourceFile(file.named, file.source_name, digest, size, 1, reason, Intake(kind))


@dataclass(frozen=True)
class Peek:
    """What the first rows of a file look like.

    mapping is None where no shape is recognised, and `problem` then says why; `columns` are those seen. `rows`
    hold shape, turns and tools as they would be read; `reasons` counts what would be quarantined. others: the
    first row by each of the other mappings that fit. intake: what the rows leave unread.
    """

    format: str
    mapping: Mapping | None
    columns: list[str]
    rows: list[dict[str, Any]] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    problem: UsageError | None = None
    others: list[tuple[Mapping, list[dict[str, Any]]]] = field(default_factory=list)
    intake: Intake = NOT_READ


def peek(path: Path, limits: ReadLimits, rows: int = 100) -> Peek:
    """Look at the first `rows` records of a local file, for `tilth init`. Raises SourceError."""
    source = Source(path=str(path))
    try:
        with path.open("rb") as stored:
            kind, _ = open_records(stored, str(path), limits, source)
        if kind.is_text:
            first = _first(source, limits, rows)
        else:
            with Apart(limits) as apart:
                first = apart.call(_first, source, limits, rows)
    except Died as died:
        first = [died.reason]
    except OSError as error:
        raise SourceError(str(path), f"it cannot be read ({error.strerror})", "nothing was read") from error
    sample = [record for record in first if not isinstance(record, Reason)]
    columns = list(dict.fromkeys(column for row in sample for column in row))
    reasons = Counter(str(record) for record in first if isinstance(record, Reason))
    try:
        reader = RowReader(source, sample, limits, str(path), is_table=kind.is_table)
    except UsageError as problem:
        return Peek(kind.name, None, columns, reasons=reasons, problem=problem)
    readable = _readable(reader, reader.mapping, sample, reasons)
    others = [(other, _readable(reader, other, sample[:3], Counter())) for other in reader.others]
    return Peek(
        kind.name, reader.mapping, columns, readable, reasons, None, others, Intake.of(kind.name, reader)
    )


def _first(source: Source, limits: ReadLimits, rows: int, _: Progress | None = None) -> list[Record]:
    with Path(source.path).open("rb") as stored:
        kind, opened = open_records(stored, source.path, limits, source)
        return list(islice(kind.records(opened), rows))


def _readable(
    reader: RowReader, mapping: Mapping, sample: list[Row], reasons: Counter[str]
) -> list[dict[str, Any]]:
    """Return the rows of a sample as they would be read by a mapping; `reasons` counts those that cannot be."""
    found = []
    for row in sample:
        reader.trail.begin()
        try:
            turns, tools = read_row(row, mapping, mapping.of(row), reader.manner)
            if mapping is reader.mapping:
                reader.read(row)
                reader.trail.end()
            found.append({"shape": mapping.shape.value, "turns": turns, "tools": tools})
        except Unreadable as unreadable:
            reasons[unreadable.reason.value] += 1
    return found


def _read_file(
    file: InputFile, prefix: Path, limits: ReadLimits, batch_rows: int, on_progress: Progress | None
) -> tuple[list[Part], SourceFile]:
    before = file.local.stat()
    digest = file_sha256(file.local)
    origin = Origin(bytes.fromhex(digest), file.named, file.source_name)
    parts: list[Part] = []
    lines, last_reason, problem = 0, None, None
    sample, is_table = _sample(file, limits)
    rows = RowReader(file.source, sample, limits, file.named, is_table=is_table) if sample else None
    with file.local.open("rb") as stored:
        kind, opened = open_records(stored, file.named, limits, file.source)
        if kind.name == COMPILED and before.st_size >= MIN_COMPILED_BYTES:
            from tilth.curation.reading.line_batches import line_batches  # brings the compiler

            read = line_batches(opened.text(), rows, limits, batch_rows)
        else:
            read = batches(kind.records(opened), rows, batch_rows)
        for batch in read:
            parts.append(batch.write(_numbered(prefix, parts), origin))
            lines, last_reason = lines + len(batch), batch.last_reason
            problem = problem or batch.problem
            if on_progress:
                on_progress(file.named, min(stored.tell(), before.st_size), before.st_size)
        took = stored.tell() if kind.is_text else before.st_size
        if took < before.st_size and problem is None:
            problem = Reason.UNREAD_BYTES
            (rest,) = batches([problem], None, 1, first_line=lines + 1)
            parts.append(rest.write(_numbered(prefix, parts), origin))
            lines += 1
    after = file.local.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise Unsettled(file.named, "it changed while it was read", "its digest would not hold", "run again")
    if last_reason == Reason.DAMAGED_ARCHIVE:
        parts = _distrust(parts, lines, prefix, batch_rows, origin)
    intake, size = Intake.of(kind.name, rows), before.st_size
    text_lines = opened.taken.lines if kind.is_text else None
    # The library that takes a table apart reads where it likes.
    bytes_read = took if kind.is_text else (None if problem else size)
    return parts, SourceFile(
        file.named, file.source_name, digest, size, lines, problem, intake, text_lines, bytes_read
    )


def _numbered(prefix: Path, parts: list[Part]) -> Path:
    return prefix.with_name(f"{prefix.name}-{len(parts):06d}")


def _distrust(parts: list[Part], lines: int, prefix: Path, batch_rows: int, origin: Origin) -> list[Part]:
    """Replace the parts of a file whose checksum fails: which of its lines are wrong cannot be known."""
    for part in parts:
        part.remove()
    quarantined: list[Part] = []
    for batch in batches(repeat(Reason.DAMAGED_ARCHIVE, lines), None, batch_rows):
        quarantined.append(batch.write(_numbered(prefix, quarantined), origin))
    return quarantined


def _sample(file: InputFile, limits: ReadLimits) -> tuple[list[Row], bool]:
    """Return the first objects of a file, bounded in number and size, and whether it is a table."""
    sample: list[Row] = []
    size = 0
    with file.local.open("rb") as stored:
        kind, opened = open_records(stored, file.named, limits, file.source)
        for record in kind.records(opened):
            if isinstance(record, Reason):
                continue
            sample.append(record)
            size += text_bytes(record)
            if len(sample) >= SAMPLE_ROWS or size >= SAMPLE_BYTES:
                break
    return sample, kind.is_table
