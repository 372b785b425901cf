"""The card and the croissant.json of an exported version, with figures from its manifest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from tilth.shards import licences
from tilth.shards.manifest import Manifest
from tilth.shards.version import Version

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
LARGEST_SIZE = "n>1M"
REWRITTEN = "rewritten."  # counts of a manifest that begin so
CROISSANT_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "column": "cr:column",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "includes": "cr:includes",
    "recordSet": "cr:recordSet",
    "source": "cr:source",
}
FIELDS = {
    "id": "sc:Text",
    "tools": "sc:Text",
    "shape": "sc:Text",
    "source": "sc:Text",
    "slice": "sc:Text",
    "licence": "sc:Text",
    "attributes": "sc:Text",
    "weight": "sc:Float",
}


def readme(version: Version, samples: pl.DataFrame, files: list[dict[str, Any]]) -> str:
    """Return the dataset card: front matter that `datasets` reads, figures, how to load it.

    files: name, folder, config, split, rows, bytes, sha256 of each data file.
    """
    manifest = version.manifest
    splits = list(dict.fromkeys(file["split"] for file in files))
    rows = {split: sum(file["rows"] for file in files if file["split"] == split) for split in splits}
    size = next((name for bound, name in SIZES if sum(rows.values()) < bound), LARGEST_SIZE)
    paths = dict.fromkeys((file["config"], file["folder"], file["split"]) for file in files)
    data_files: dict[str, list[dict[str, str]]] = {}
    for config, folder, split in paths:
        data_files.setdefault(config, []).append({"split": split, "path": f"{folder}/{split}-*"})
    # Front matter is YAML, of which JSON is a part: nothing in a name can break out of it.
    front = {
        "pretty_name": manifest.name,
        "size_categories": [size],
        "tags": ["tilth"],
        "configs": [{"config_name": config, "data_files": held} for config, held in data_files.items()],
    }
    counts = manifest.counts
    return "\n".join(
        [
            "---",
            *(f"{key}: {json.dumps(value)}" for key, value in front.items()),
            "---",
            "",
            f"# {manifest.name}",
            "",
            f"Curated with Tilth: version `{version.short}`, content id `{manifest.content_id}`.",
            "",
            f"{counts['lines']} lines in = {counts['kept']} kept + {counts['dropped']} dropped"
            f" + {counts['quarantined']} quarantined. `ledger.parquet` has a line for each.",
            "",
            *_table(["split", "rows"], list(rows.items())),
            *_table(["source", "rows"], _rows_by(samples, "source")),
            *_licences(samples),
            *_rewritten(counts),
            *_table(
                ["check", "passed"], [(name, "yes" if ok else "no") for name, ok in manifest.checks.items()]
            ),
            "```python",
            "from datasets import load_dataset",
            *(
                f'{"data" if config == "default" else "pairs"} = load_dataset("path/to/this/folder", "{config}")'
                for config in data_files
            ),
            "```",
            "",
        ]
    )


def croissant(manifest: Manifest, files: list[dict[str, Any]]) -> dict[str, Any]:
    """Return Croissant 1.0 metadata (mlcommons.org/croissant/1.0) of the data files."""
    distribution: list[dict[str, Any]] = [
        {
            "@type": "cr:FileObject",
            "@id": file["name"],
            "name": file["name"],
            "contentUrl": file["name"],
            "contentSize": f"{file['bytes']} B",
            "encodingFormat": "application/x-parquet",
            "sha256": file["sha256"],
        }
        for file in files
    ]
    folders = list(dict.fromkeys(file["folder"] for file in files))
    distribution += [
        {
            "@type": "cr:FileSet",
            "@id": folder,
            "name": folder,
            "encodingFormat": "application/x-parquet",
            "includes": f"{folder}/*.parquet",
        }
        for folder in folders
    ]
    return {
        "@context": CROISSANT_CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": manifest.name,
        "description": f"Curated with Tilth; content id {manifest.content_id}.",
        "version": manifest.id,
        "distribution": distribution,
        "recordSet": [_record_set(folder) for folder in folders],
    }


def _record_set(folder: str) -> dict[str, Any]:
    name = "rows" if folder == "data" else folder
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"{name}/{field}",
            "name": field,
            "dataType": kind,
            "source": {"fileSet": {"@id": folder}, "extract": {"column": field}},
        }
        for field, kind in FIELDS.items()
    ]
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "field": fields}


def _licences(samples: pl.DataFrame) -> list[str]:
    """Return rows by licence, each under one spelling, and what should be known of them together."""
    counts = list(samples.group_by("licence").len().iter_rows())
    lines = [(licence or "not stated", rows) for licence, rows in licences.count_normal(counts)]
    said = [line for note in licences.notes(counts) for line in (_escape(note), "")]
    return [*_table(["licence", "rows"], lines), *said]


def _rewritten(counts: Mapping[str, int]) -> list[str]:
    """Return how many of the rows read were rewritten, by rewrite and kind."""
    lines = [
        (" ".join(name.split(".")[1:]), rows)
        for name, rows in sorted(counts.items())
        if name.startswith(REWRITTEN) and not name.endswith(".any")
    ]
    return _table(["rewritten", "rows read"], lines)


def _rows_by(samples: pl.DataFrame, column: str) -> list[tuple[str, int]]:
    counts = (
        samples.group_by(pl.col(column).fill_null("not stated"))
        .len()
        .sort("len", column, descending=[True, False])
    )
    return list(counts.iter_rows())


def _table(header: list[str], lines: list[tuple[str, Any]]) -> list[str]:
    """Return a Markdown table, or nothing where it has no lines; text in cells cannot become markup."""
    if not lines:
        return []
    cells = [[_escape(str(value)) for value in line] for line in lines]
    rule = ["---"] * len(header)
    return [*(f"| {' | '.join(line)} |" for line in [header, rule, *cells]), ""]


def _escape(text: str) -> str:
    printable = "".join(character if character.isprintable() else " " for character in text)
    return "".join(f"\\{character}" if character in r"\|`*_[]<>!#" else character for character in printable)
