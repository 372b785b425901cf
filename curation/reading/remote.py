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

from tilth.shards.digest import sha256_hex
from tilth.shards.errors import SourceError, TilthError, Unsettled, UsageError

SCHEMES = ("s3://", "hf://")
COPY_BYTES = 1 << 20
HUB_ADDRESS = re.compile(
    r"hf://(?:datasets/)?(?P<repo>[^/@]+/[^/@]+)(?:@(?P<revision>[^/]+))?(?:/(?P<path>.+))?"
)
COMMIT = re.compile(r"[0-9a-f]{40}")

Fetched = list[tuple[str, Path]]  # name as the user would write it, where its bytes are


def is_remote(path: str) -> bool:
    """Tell whether a path needs the network."""
    return path.startswith(SCHEMES)


def fetch(url: str, folder: Path, max_bytes: int) -> Fetched:
    """Fetch the files that `url` names, into `folder` or the hub's own cache.

    Raises UsageError for an address that is wrong, not pinned, matches nothing, or needs a package that is not
    installed; SourceError where the other side refuses, or an object exceeds `max_bytes`.
    """
    fetched = _fetch_s3(url, folder, max_bytes) if url.startswith("s3://") else _fetch_hub(url)
    if not fetched:
        raise UsageError(url, "no such file", "nothing was read", "check the pattern")
    return fetched


def _fetch_s3(url: str, folder: Path, max_bytes: int) -> Fetched:
    try:
        import s3fs
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        raise UsageError(
            url, "reading it needs s3fs", "nothing was read", 'pip install "tilth[s3]"'
        ) from None
    fetched = []
    try:
        store = s3fs.S3FileSystem(skip_instance_cache=True)
        keys = sorted(store.glob(url)) if _is_pattern(url) else [url.removeprefix("s3://")]
        for key in keys:
            local = folder / sha256_hex(key.encode())[:16] / key.rsplit("/", 1)[-1]
            local.parent.mkdir(parents=True, exist_ok=True)
            _copy(store, key, local, max_bytes)
            fetched.append((f"s3://{key}", local))
    except (OSError, BotoCoreError, ClientError) as error:
        raise _refused(url, error, "check the address, the credentials and AWS_ENDPOINT_URL") from error
    return fetched


def _copy(store: Any, key: str, local: Path, max_bytes: int) -> None:
    with store.open(key, "rb") as remote, local.open("wb") as file:
        while piece := remote.read(COPY_BYTES):
            file.write(piece)
            if file.tell() > max_bytes:
                raise SourceError(f"s3://{key}", f"it is larger than {max_bytes} bytes", "it was not read")


def _fetch_hub(url: str) -> Fetched:
    from huggingface_hub import HfApi

    address = HUB_ADDRESS.fullmatch(url)
    if address is None:
        raise UsageError(url, "this is no address of a dataset", "", "write hf://org/name@commit/path")
    repo, revision, path = address["repo"], address["revision"], address["path"]
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
    try:
        if not COMMIT.fullmatch(revision or ""):
            raise _unpinned(
                url, f"hf://{repo}@{api.dataset_info(repo, revision=revision).sha}/{path or 'PATH'}"
            )
        if path is None:
            raise UsageError(
                url, "it names no file", "nothing was read", f"write hf://{repo}@{revision}/*.parquet"
            )
        names = [path]
        if _is_pattern(path):
            files = api.list_repo_files(repo, revision=revision, repo_type="dataset")
            names = sorted(name for name in files if fnmatchcase(name, path))
        local = [api.hf_hub_download(repo, name, repo_type="dataset", revision=revision) for name in names]
    except TilthError:
        raise
    except Exception as error:  # its HTTP library, and so its errors, differ between releases
        raise _refused(url, error, "check the address, HF_TOKEN and HF_ENDPOINT") from error
    return [(f"hf://{repo}@{revision}/{name}", Path(file)) for name, file in zip(names, local, strict=True)]


def _is_pattern(path: str) -> bool:
    return any(mark in path for mark in "*?[")


def _refused(url: str, error: Exception, next_step: str) -> SourceError:
    return Unsettled(url, f"it cannot be fetched ({type(error).__name__})", "nothing was read", next_step)


def _unpinned(url: str, pinned: str) -> UsageError:
    return UsageError(
        url, "the revision is no commit", "the data could change between two runs", f"write `path: {pinned}`"
    )
