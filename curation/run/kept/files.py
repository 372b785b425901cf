"""Source files, read once: what their lines are is kept by the file's digest, the texts are read again where needed.

Of a file are kept its lines (which row, or why none) and what it says of each row beside the text. A file that was
read before is not parsed again unless the text of one of its rows is wanted that nobody has judged.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from tilth.curation.reading.apart import Apart
from tilth.curation.reading.batch import LINES, Part
from tilth.curation.reading.files import InputFile, find_files
from tilth.curation.reading.intake import Intake
from tilth.curation.reading.limits import ReadLimits, Reason
from tilth.curation.reading.read import SourceFile, read_file
from tilth.curation.reading.repeated import LABELS
from tilth.curation.reading.source import Source
from tilth.curation.run.code_digest import code_digest
from tilth.curation.run.kept import folder
from tilth.shards import arrow_file
from tilth.shards.digest import canonical_json, file_sha256, sha256_hex
from tilth.shards.errors import SourceError
from tilth.shards.sealed import read_sealed, write_sealed
from tilth.shards.tables import OCCURRENCES, ROWS, conform

BATCH_LINES = 20_000

# What a file says of a row beside its text, and in which of its parts the text stands.
SAID = pl.Schema([("row_id", pl.Binary()), ("part", pl.UInt32()), *((name, ROWS[name]) for name in LABELS)])
_LIBRARIES = ("polars", "orjson", "pyarrow")

Progress = Callable[[str, int, int], None]


@dataclass
class ReadFile:
    """A file of a source. facts: how it was read. lines: schema LINES, in order. said: schema SAID.

    parts: its tables with the texts; none of a file that an earlier run read.
    """

    input: InputFile
    facts: SourceFile
    lines: pl.DataFrame
    said: pl.DataFrame
    parts: list[Part]

    def occurrences(self) -> pl.DataFrame:
        """Return its lines with their place (schema OCCURRENCES)."""
        place = {
            "file_digest": pl.lit(bytes.fromhex(self.facts.digest)),
            "source_path": pl.lit(self.input.named),
            "source": pl.lit(self.input.source_name),
        }
        return conform(self.lines.with_columns(**place), OCCURRENCES)


@dataclass(frozen=True)
class Kept:
    """Where what was read is kept, and of which rows (ids) nothing but their line is: they were retracted.

    batch_lines: of a part.
    """

    cache: Path
    withheld: pl.Series
    batch_lines: int = BATCH_LINES


class Reader:
    """Reads the files of a run's sources, those that are known from the cache."""

    def __init__(self, kept: Kept, out: Path, limits: ReadLimits, report: Progress) -> None:
        """out: a folder for the tables of this run."""
        self.cache, self.out, self._limits, self._report = kept.cache, out, limits, report
        self._kept, self._read = kept, 0

    def read(self, sources: list[Source], base_dir: Path) -> list[ReadFile]:
        """Return every file in the order of the sources.

        Raises UsageError for a path or a shape that needs the user, SourceError for a file that cannot be read.
        """
        self.out.mkdir(parents=True, exist_ok=True)
        files = []
        with Apart(self._limits) as apart:
            for file in find_files(sources, base_dir, self.out / "remote", self._limits):
                with _named(file):
                    files.append(self._known(file) or self._fresh(file, apart))
        return files

    def texts(self, file: ReadFile) -> list[Part]:
        """Return the tables of a file with the texts, read again if it was known. Raises SourceError if it changed."""
        if not file.parts:
            with Apart(self._limits) as apart, _named(file.input):
                parts, facts = self._parse(file.input, apart)
            if facts.digest != file.facts.digest:
                raise SourceError(
                    file.input.named, "it changed while it was curated", "Nothing was published", "run again"
                )
            file.parts = parts
        return file.parts

    def _known(self, file: InputFile) -> ReadFile | None:
        """Return what an earlier run read of the file, if it is the same file and all of it can be believed."""
        before = self._prefix(file)
        if not any(self.cache.glob(f"{before}-*")):
            return None
        size = file.local.stat().st_size
        name = f"{before}-{file_sha256(file.local)[:32]}"
        try:
            facts = _from_json(read_sealed(self.cache / f"{name}.json"))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        lines, said = (arrow_file.kept(self.cache / f"{name}.{table}.arrow") for table in ("lines", "said"))
        if lines is None or said is None:
            return None
        folder.touch(self.cache, name)
        self._report(file.named, size, size)
        return ReadFile(file, facts, lines, said, [])

    def _fresh(self, file: InputFile, apart: Apart) -> ReadFile:
        parts, facts = self._parse(file, apart)
        name = f"{self._prefix(file)}-{facts.digest[:32]}"
        lines = arrow_file.keep(self.cache / f"{name}.lines.arrow", _tables(_lines(parts), LINES))
        said = arrow_file.keep(self.cache / f"{name}.said.arrow", _tables(self._said(parts), SAID))
        write_sealed(self.cache / f"{name}.json", canonical_json(asdict(facts)))
        return ReadFile(file, facts, lines, said, parts)

    def _parse(self, file: InputFile, apart: Apart) -> tuple[list[Part], SourceFile]:
        prefix = self.out / f"{self._read:05d}"
        self._read += 1
        return read_file(apart, file, prefix, self._limits, self._kept.batch_lines, self._report)

    def _said(self, parts: list[Part]) -> Iterator[pl.DataFrame]:
        """Yield what the parts say of their rows, nothing of those that are withheld."""
        withheld = self._kept.withheld.to_frame("row_id")
        for number, part in enumerate(parts):
            rows = pl.read_parquet(part.rows, columns=["row_id", *LABELS], glob=False)
            shown = rows.join(withheld, on="row_id", how="anti", maintain_order="left")
            # Apart, since a null may leave what stood in its place in the memory that is written.
            hidden = rows.select("row_id").join(withheld, on="row_id", how="semi", maintain_order="left")
            both = pl.concat([shown, conform(hidden, shown.schema)])
            yield both.with_columns(part=pl.lit(number, pl.UInt32)).select(SAID.names())

    def _prefix(self, file: InputFile) -> str:
        """Return what a name begins with: all that decides how a file of these bytes is read."""
        how = {
            "file": [file.named, file.source_name, file.local.stat().st_size],
            "source": file.source.model_dump(mode="json", exclude={"path"}),
            "limits": asdict(self._limits),
            "batch": self._kept.batch_lines,
            "code": code_digest(read_file.__module__),
            "libraries": [version(name) for name in _LIBRARIES],
        }
        return f"read-{sha256_hex(canonical_json(how))[:32]}"


class _named:
    """Lets what the system says of a file name it."""

    def __init__(self, file: InputFile) -> None:
        self._file = file

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, OSError):
            raise SourceError(
                self._file.named, f"it cannot be read ({error.strerror})", "the run stops"
            ) from error


def _from_json(data: bytes) -> SourceFile:
    """Return the facts that `asdict` made plain."""
    said = json.loads(data)
    said["problem"] = Reason(said["problem"]) if said["problem"] else None
    said["intake"] = Intake(**{**said["intake"], "others": tuple(said["intake"]["others"])})
    return SourceFile(**said)


def _tables(frames: Iterator[pl.DataFrame], schema: pl.Schema) -> Iterator[pl.DataFrame]:
    yield schema.to_frame()
    yield from frames


def _lines(parts: list[Part]) -> Iterator[pl.DataFrame]:
    for part in parts:
        yield pl.read_parquet(part.occurrences, columns=LINES.names(), glob=False)
