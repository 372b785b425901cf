"""Fetches the files of s3:// and hf:// sources; the only code of this room that opens a connection.

s3://bucket/key-or-glob goes through s3fs with the usual AWS settings (AWS_ENDPOINT_URL for other stores).
hf://org/name@commit/path-or-glob goes through huggingface_hub; HF_ENDPOINT, HF_TOKEN and its cache apply.
"""

from __future__ import annotations

import os
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tilth.shards.errors import SourceError, UsageError

SCHEMES = ("s3://", "hf://")
COPY_BYTES = 1 << 20
HUB_PATH = re.compile(
    r"hf://(?:datasets/)?(?P<repo>[^/@]+/[^/@]+)(?:@(?P<revision>[^/]+))?(?:/(?P<path>.+))?"
)
COMMIT = re.compile(r"[0-9a-f]{40}")


def is_remote(path: str) -> bool:
    """Tell whether a path needs the network."""
    return path.startswith(SCHEMES)


def fetch(url: str, folder: Path, max_bytes: int) -> list[tuple[str, Path]]:
    """Fetch the files that `url` names as (full name, local path).

    Raises UsageError for an address that is wrong, not pinned, or needs a package that is not installed, and
    SourceError where the store does not answer, does not have it, or it exceeds `max_bytes`.
    """
    return _fetch_s3(url, folder, max_bytes) if url.startswith("s3://") else _fetch_hub(url, max_bytes)


def _fetch_s3(url: str, folder: Path, max_bytes: int) -> list[tuple[str, Path]]:
    try:
        import s3fs
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        raise _missing(url, "s3fs", "s3") from None
    fetched = []
    try:
        store = s3fs.S3FileSystem(skip_instance_cache=True)
        keys = sorted(store.glob(url)) if glob_magic(url) else [url.removeprefix("s3://")]
        for number, key in enumerate(keys):
            local = folder / f"s3-{len(list(folder.glob('s3-*'))) + number:06d}-{key.rsplit('/', 1)[-1]}"
            local.parent.mkdir(parents=True, exist_ok=True)
            _copy(store, key, local, max_bytes)
            fetched.append((f"s3://{key}", local))
    except (OSError, BotoCoreError, ClientError) as error:
        raise SourceError(
            url,
            f"the store refused: {type(error).__name__}",
            "nothing was read",
            "check the address and credentials",
        ) from error
    if not fetched:
        raise UsageError(url, "no such object", "nothing was read", "check the pattern")
    return fetched


def glob_magic(path: str) -> bool:
    """Tell whether a path is a pattern."""
    return any(mark in path for mark in "*?[")


def _copy(store: Any, key: str, local: Path, max_bytes: int) -> None:
    with store.open(key, "rb") as remote, local.open("wb") as file:
        while piece := remote.read(COPY_BYTES):
            file.write(piece)
            if file.tell() > max_bytes:
                raise SourceError(f"s3://{key}", f"larger than {max_bytes} bytes", "it was not read")


def _fetch_hub(url: str, max_bytes: int) -> list[tuple[str, Path]]:
    try:
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled
    except ImportError:
        raise _missing(url, "huggingface_hub", "hf") from None
    import httpx

    parts = HUB_PATH.fullmatch(url)
    if parts is None:
        raise UsageError(url, "this is no address of a dataset", "", "write hf://org/name@commit/path")
    repo, revision, pattern = parts["repo"], parts["revision"], parts["path"] or "PATH"
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
    try:
        if not COMMIT.fullmatch(revision or ""):
            commit = api.dataset_info(repo, revision=revision).sha
            raise _unpinned(url, f"hf://{repo}@{commit}/{pattern}")
        if not parts["path"]:
            raise UsageError(url, "this names no file", "", f"write hf://{repo}@{revision}/data/*.parquet")
        tree = api.list_repo_tree(repo, revision=revision, repo_type="dataset", recursive=True)
        sizes = {entry.path: getattr(entry, "size", None) for entry in tree}
        names = [
            n
            for n, size in sorted(sizes.items())
            if size is not None and (n == pattern or fnmatchcase(n, pattern))
        ]
        for name in names:
            if sizes[name] > max_bytes:
                raise SourceError(url, f"{name} is larger than {max_bytes} bytes", "it was not read")
        fetched = [
            (
                f"hf://{repo}@{revision}/{name}",
                Path(api.hf_hub_download(repo, name, repo_type="dataset", revision=revision)),
            )
            for name in names
        ]
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, httpx.HTTPError, OSError) as error:
        raise SourceError(
            url,
            f"the hub refused: {type(error).__name__}",
            "nothing was read",
            "check the address and HF_ENDPOINT",
        ) from error
    if not fetched:
        raise UsageError(url, "no such file in that commit", "nothing was read", "check the path")
    return fetched


def _missing(url: str, package: str, extra: str) -> UsageError:
    return UsageError(url, f"reading it needs {package}", "nothing was read", f'pip install "tilth[{extra}]"')


def _unpinned(url: str, pinned: str) -> UsageError:
    return UsageError(
        url,
        "the revision is not pinned to a commit",
        "the data could change between two runs",
        f"write path: {pinned}",
    )
