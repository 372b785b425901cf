"""All patterns of personal data and secrets, in the order in which they are looked for.

Patterns are linear in Python too: they start at the edge of a token only, and no run can hold a second start.
What cannot be anybody's is refused: addresses at example.com, 555-01xx numbers, private and documentation
networks, sections with four digits, `your_api_key`.
"""

from __future__ import annotations

from tilth.curation.pii.addresses import ADDRESSES
from tilth.curation.pii.identifiers import IDENTIFIERS
from tilth.curation.pii.pattern import KindName, Pattern
from tilth.curation.pii.phones import PHONES
from tilth.curation.pii.secrets import SECRETS

__all__ = ["PATTERNS", "KindName", "Pattern"]

_EMAIL, *_IPS = ADDRESSES
# Secrets first: parts of them look like other kinds.
PATTERNS: tuple[Pattern, ...] = (*SECRETS, _EMAIL, *IDENTIFIERS, *PHONES, *_IPS)
