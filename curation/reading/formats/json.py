"""JSON: one array of objects, or objects that are written over several lines each."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from tilth.curation.reading.formats import Record
from tilth.curation.reading.json_array import elements
from tilth.curation.reading.limits import Reason
from tilth.curation.reading.lines import without_bom
from tilth.curation.reading.opened import Opened, peek
from tilth.curation.reading.parse import parse_object


class Json:
    """Reads the elements of an array, or the objects of a text that puts a line end inside them."""

    name = "json"
    suffixes = (".json",)
    magic = ()
    unit = "element"
    is_text = True
    is_table = False
    order = 10

    def claims(self, text: bytes, suffix: str) -> bool:
        """Claim a text whose first value is an array, or an object that goes on over its first line."""
        text = next(without_bom([text])).lstrip()
        first, _, rest = text.partition(b"\n")
        following = rest.lstrip()[:1]
        if text[:1] == b"[":  # lists on lines of their own are JSON lines, if bad ones
            return not (following == b"[" and _is_whole(first))
        # The first line of JSON lines may be cut, but then the next one opens an object again.
        return text[:1] == b"{" and following not in (b"{", b"") and not first.rstrip().endswith(b"}")

    def records(self, opened: Opened) -> Iterator[Record]:
        """Return each element; an array that is not closed ends in CUT_ARRAY."""
        first, plain = peek(without_bom(opened.text()))
        top = b"[" if first.lstrip()[:1] == b"[" else b""
        for element in elements(plain, opened.limits.max_line_bytes, in_array=bool(top)):
            if isinstance(element, Reason):
                yield element
            else:
                yield parse_object(element, opened.limits.max_depth)


def _is_whole(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


FORMAT = Json()
