"""How one file was read: as what, what else it could have been read as, and what of it nobody reads."""

from __future__ import annotations

from dataclasses import dataclass, field

from tilth.curation.reading.rows import RowReader


@dataclass(frozen=True)
class Intake:
    """What is said of a file that was read.

    reading: its shape and the columns of its parts, "" where no line is an object. others: readings that fit as
    well. unread: rows by the path of what they hold and nobody reads (`meta`, `messages[].toxic`). notes: rows
    by what was done to read them.
    """

    format: str
    reading: str = ""
    others: tuple[str, ...] = ()
    unread: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, kind: str, rows: RowReader | None) -> Intake:
        """Return what is to be said once all rows have been read."""
        if rows is None:
            return cls(kind)
        unread, notes = rows.trail.unread.most_common(), rows.trail.notes.most_common()
        said = rows.mapping.says(rows.columns)
        return cls(
            kind, said, tuple(other.says(rows.columns) for other in rows.others), dict(unread), dict(notes)
        )


NOT_READ = Intake("")
