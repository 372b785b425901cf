"""What an input line may be, and what it is called when it is not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from tilth.curation.stage import Count, Positive
from tilth.shards.tables import UNFINISHED


@dataclass(frozen=True)
class ReadLimits:
    """Bounds on input; what lies beyond one is quarantined, never read."""

    max_line_bytes: Positive = 16 << 20  # one line, CSV record or array element
    max_depth: Annotated[int, Field(ge=1, le=256)] = 64  # nesting of objects and arrays
    max_turns: Annotated[int, Field(ge=1, le=65_535)] = 4096  # turns of one row
    max_file_bytes: Positive = 256 << 30  # one file, after decompression
    max_expansion: Positive = 200  # bytes out per byte in, judged beyond `free_expansion_bytes`
    free_expansion_bytes: Count = 256 << 20  # bytes out of a file before `max_expansion` is judged
    max_memory_bytes: Positive = 1 << 30  # memory of the process that reads Parquet and Arrow files
    max_silent_s: Positive = 300  # how long that process may come no further


class Reason(StrEnum):
    """Why a line could not become a row."""

    # the file
    CUT_ARCHIVE = "cut_archive"  # the archive ends early; stands for everything after the last whole line
    DAMAGED_ARCHIVE = "damaged_archive"  # a checksum does not hold: no line of the file can be trusted
    CUT_ARRAY = (
        "cut_array"  # a JSON array or object that does not end; stands for all that it was to hold yet
    )
    EXPANSION_LIMIT = "expansion_limit"  # stands for the unread rest of an archive
    FILE_LIMIT = "file_limit"  # stands for the unread rest of a file
    UNREAD_BYTES = (
        "unread_bytes"  # stands for bytes that are no records, however many they were meant to hold
    )
    # the file as a whole: the process that read it ended, and no row of it can be trusted
    READER_DIED = "reader_died"  # the library that takes it apart crashed: it is damaged, or made to do that
    READER_STALLED = "reader_stalled"  # nothing more came out of it for `max_silent_s`
    MEMORY_LIMIT = "memory_limit"  # reading it takes more than `max_memory_bytes`
    # the line
    DAMAGED = "damaged"  # a Parquet or Arrow record that the file promises and does not hold
    BLANK = "blank"  # a line with nothing in it
    BOM = "bom"  # a byte order mark inside the file
    CUT_TAIL = "cut_tail"  # the last line, cut short
    TOO_LONG = "too_long"  # more bytes than `max_line_bytes`
    INVALID_UTF8 = "invalid_utf8"  # bytes that are no UTF-8; `encoding:` of the source says what they are
    INVALID_JSON = "invalid_json"  # a line that is no JSON
    INVALID_CSV = "invalid_csv"  # a record whose quotes do not close
    WRONG_COLUMNS = "wrong_columns"  # a CSV record with more or fewer fields than the header
    NOT_AN_OBJECT = "not_an_object"  # JSON, but no object with named values
    DUPLICATE_KEY = "duplicate_key"  # an object that names one key twice: which value is meant is not known
    TOO_DEEP = "too_deep"  # nested deeper than any row needs
    NON_FINITE = "non_finite"  # NaN or an infinity where a number is read
    LONE_SURROGATE = "lone_surrogate"  # half a character, as `\ud800`
    # the row
    MISSING_FIELD = "missing_field"  # a part that its shape needs is not there
    WRONG_TYPE = "wrong_type"  # a part that is neither text nor what can be read as one
    NOT_TEXT = (
        "not_text"  # a row with a picture, a sound, a film or a file; `text_only: true` reads it without
    )
    UNCLEAR_LOSS = "unclear_loss"  # `weight`, `train` and so on say neither learn this answer nor do not
    NOTHING_LEARNED = "nothing_learned"  # the row says that none of its answers is to be learned
    BAD_ANSWER = "bad_answer"  # the row itself says so (`label`, `kto_tag`): not learned as a good one
    UNKNOWN_PART = "unknown_part"  # a content part of a type that is not known
    UNKNOWN_ROLE = "unknown_role"  # a speaker that is not known; `roles:` of the source says who it is
    NO_TURNS = "no_turns"  # a conversation without a message
    TOO_MANY_TURNS = "too_many_turns"  # more messages than `max_turns`
    INVALID_TOOL_CALL = (
        "invalid_tool_call"  # a tool call without a name, or with arguments that are no object
    )
    READER_RAISED = "reader_raised"  # our reader met a row it was not made for: a fault of ours
    TIED = "tied"  # several answers with scores, of which none is better than another
    NOT_A_PAIR = "not_a_pair"  # chosen and rejected do not differ in exactly the last message


# Reasons that stand for a part of a file of which nobody knows how many rows it held.
FINAL = frozenset(Reason(name) for name in UNFINISHED)


def text_bytes(value: Any) -> int:
    """Return about how many bytes of text a parsed value holds."""
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, dict):
        return sum(map(text_bytes, value.values()))
    return sum(map(text_bytes, value)) if isinstance(value, list) else 0


class Unreadable(Exception):
    """A line, or with a reason in FINAL the rest of a file, that cannot become rows."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(reason.value)
