"""The card and the croissant.json of an exported version, with figures from its manifest."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from tilth.shards.manifest import Manifest
from tilth.shards.version import Version

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
LARGEST_SIZE = "n>1M"
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

    files: name, split, rows, bytes, sha256 of each data file.
    """
    manifest = version.manifest
    splits = list(dict.fromkeys(file["split"] for file in files))
    rows = {split: sum(file["rows"] for file in files if file["split"] == split) for split in splits}
    size = next((name for bound, name in SIZES if sum(rows.values()) < bound), LARGEST_SIZE)
    data_files = [{"split": split, "path": f"data/{split}-*"} for split in splits]
    # Front matter is YAML, of which JSON is a part: nothing in a name can break out of it.
    front = {
        "pretty_name": manifest.name,
        "size_categories": [size],
        "tags": ["tilth"],
        "configs": [{"config_name": "default", "data_files": data_files}],
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
            *_table(["licence", "rows"], _rows_by(samples, "licence")),
            *_table(
                ["check", "passed"], [(name, "yes" if ok else "no") for name, ok in manifest.checks.items()]
            ),
            "```python",
            "from datasets import load_dataset",
            'data = load_dataset("path/to/this/folder")',
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
    distribution.append(
        {
            "@type": "cr:FileSet",
            "@id": "data",
            "name": "data",
            "encodingFormat": "application/x-parquet",
            "includes": "data/*.parquet",
        }
    )
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"rows/{name}",
            "name": name,
            "dataType": kind,
            "source": {"fileSet": {"@id": "data"}, "extract": {"column": name}},
        }
        for name, kind in FIELDS.items()
    ]
    return {
        "@context": CROISSANT_CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": manifest.name,
        "description": f"Curated with Tilth; content id {manifest.content_id}.",
        "version": manifest.id,
        "distribution": distribution,
        "recordSet": [{"@type": "cr:RecordSet", "@id": "rows", "name": "rows", "field": fields}],
    }


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
