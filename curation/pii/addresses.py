"""E-mail and IP addresses, and what is written like them: file names, packages, versions, sections."""

from __future__ import annotations

import ipaddress
import re

from tilth.curation.pii.pattern import Pattern

_IPV4_HINT = r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]"
_IPV6_HINT = "[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]"
_EMAIL = r"[0-9A-Za-z][0-9A-Za-z._%+-]*@[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*\.[A-Za-z]{2,}"
_IPV4 = r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}"
_IPV6 = r"[23][0-9A-Fa-f]{3}:(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{0,4}"
_RESERVED_ENDS = {"example", "test", "invalid", "localhost", "local"}
_NOBODYS_DOMAIN = re.compile(
    r"(?:.*\.)?(?:example\d*|sample|test|domain|(?:my|your|some|any)-?(?:domain|company|site|email)|email)"
    r"\.(?:com|org|net)"
)
_NOBODYS_NAME = re.compile(r"you|your[._-]?\w*|user(?:name)?|example|name|someone|git")
# What stands behind the @ of a file for sharp screens or of a pinned package: 2x, 1.4.2, v3. (163.com is a host.)
_VERSION_BEHIND = re.compile(r"\d{1,2}x(?:\.|-)|v?\d+\.\d|v\d+(?:\.|-)|\d{1,2}\.[a-z]")
# Ends of files and of systemd's units; no country and no registry has them, but for zip and mov.
_FILE_ENDS_LISTED = """
    aac aar apk app appimage avif avi bak bat bin blend bmp bz2 cfg class conf cpp crate css csv dat deb device dll
    dmg doc docx dylib ear eot epub exe flac gem gguf gif gz h5 heic hpp htm html ico ini ipa ipynb iso jar java jpeg
    jpg js json jsonl jsx key less lock log map mjs mkv mount mov mp3 mp4 msi nupkg odt ogg onnx otf parquet path pdf
    pickle pkl png ppt pptx psd pth pyc pyd rar rpm safetensors scss service sketch slice snap socket sql sqlite svg
    swap swift tar target tex tgz tif tiff timer toml tsv tsx ttf txt vsix vue war wasm wav webm webp whl woff woff2
    xls xlsx xml xpi xz yaml yml zip zst automount scope
"""
_FILE_ENDS = frozenset(_FILE_ENDS_LISTED.split())
_NUMBERED = (
    r"(?i)version|versi[oó]n|vers[ãa]o|верси|版本|バージョン|버전|release|firmware|build\b|driver|upgrad|downgrad|changelog"
    r"|section|clause|chapter|article|appendix|paragraph|annex|abschnitt|kapitel|ziffer|secci[oó]n|cap[ií]tulo"
    r"|chapitre|art[ií]culo|sezione|capitolo|раздел|глав|§|\bv(?:er)?[.:]?\s*$|[a-z]/$|\bpatch|requires?\b|install"
)
_ADDRESSED = (
    r"(?i)\bips?\b|ipv4|address|adress|direcci|indirizz|host|server|ping|ssh|https?:|listen|port\b|subnet|dns|gateway"
    r"|network|netz|адрес|地址|アドレス|주소|client|connect|traceroute|log(?:ged|in)"
)
_NUMBERED_PATTERN, _ADDRESSED_PATTERN = re.compile(_NUMBERED), re.compile(_ADDRESSED)
_PINNED = re.compile(r"(?:[=~^<>!]=|[~^<>]|[a-z]-)\s?$|§\s*$")
_RELEASED = re.compile(
    r"-?(?:rc|alpha|beta|dev|post|snapshot|final)\d*\b|\.(?:tar|tgz|zip|whl|exe|deb|rpm|jar)\b", re.IGNORECASE
)
_HEADING = re.compile(r"\s*#*\s*$")
_CONTEXT_CHARS = 160


def _email(hit: str) -> int:
    name, _, domain = hit.lower().rpartition("@")
    end = domain.split(".")[-1]
    nobodys = (
        end in _RESERVED_ENDS
        or end in _FILE_ENDS
        or _VERSION_BEHIND.match(domain)
        or _NOBODYS_DOMAIN.fullmatch(domain)
        or _NOBODYS_NAME.fullmatch(name)
    )
    return 0 if nobodys else len(hit)


def _ip(hit: str) -> int:
    """A public address; four single digits are the number of a section."""
    try:
        address = ipaddress.ip_address(hit)
    except ValueError:
        return 0
    public = address.is_global and not address.is_multicast and hit != "123.45.67.89"
    return len(hit) * (public and not re.fullmatch(r"\d(?:\.\d){3}", hit))


def _is_no_version(text: str, start: int, end: int) -> bool:
    """Four numbers are a version or a section where the line speaks of these and not of addresses."""
    before, after = text[max(0, start - _CONTEXT_CHARS) : start], text[end : end + 40]
    if _PINNED.search(before[-3:]) or _RELEASED.match(after):
        return False
    parts = [int(part) for part in text[start:end].split(".")]
    if (
        start < _CONTEXT_CHARS
        and max(parts) < 100
        and _HEADING.match(before)
        and re.match(r" [A-Z][a-z]", after)
    ):
        return False
    near = before.rpartition("\n")[2]
    return not _NUMBERED_PATTERN.search(near) or bool(_ADDRESSED_PATTERN.search(near))


ADDRESSES: tuple[Pattern, ...] = (
    Pattern("email", "@", _EMAIL, "[0-9A-Za-z._%+-]", r"[0-9A-Za-z_(\[]", _email),
    Pattern("ip", _IPV4_HINT, _IPV4, r"[0-9A-Za-z_.:-]", r"[0-9A-Za-z_]|\.[0-9]", _ip, _is_no_version),
    Pattern("ip", _IPV6_HINT, _IPV6, r"[0-9A-Za-z_.:-]", r"[0-9A-Za-z_:]|\.[0-9]", _ip),
)
