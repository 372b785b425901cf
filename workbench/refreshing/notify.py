"""Tells addresses what happened to a refresh: bounded, in the background, noted, and never in the way of a promotion.

A webhook gets a POST of JSON. With a secret, `X-Tilth-Signature` is sha256= and the HMAC-SHA256 (RFC 2104) of the
timestamp, a dot and the body, the timestamp being `X-Tilth-Timestamp`; a receiver refuses old ones. A heartbeat gets a
GET after every run that did what it should, so that silence is an alarm.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tilth.workbench.server import NoReply, tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tilth.workbench.recipes.sections import Notify
    from tilth.workbench.refreshing.history import History

EXCHANGE_S, FAREWELL_S = 5.0, 6.0
SUCCESS = "success"


class Teller:
    """Tells the addresses of a recipe about one run."""

    def __init__(self, addresses: Sequence[Notify], history: History, run: int) -> None:
        self._addresses, self._history, self._run = addresses, history, run
        self._threads: list[threading.Thread] = []

    def tell(self, event: str, facts: dict[str, Any]) -> None:
        """Begin to tell who wants to know of an event; return at once."""
        for address in self._addresses:
            if event in address.on if not address.heartbeat else event == SUCCESS:
                body = json.dumps({"event": event, "run": self._run, **facts}, sort_keys=True).encode()
                thread = threading.Thread(target=self._send, args=(address, event, body), daemon=True)
                thread.start()
                self._threads.append(thread)

    def close(self) -> None:
        """Wait for what is still under way, FAREWELL_S at most in all."""
        ends = time.monotonic() + FAREWELL_S
        for thread in self._threads:
            thread.join(max(0.0, ends - time.monotonic()))

    def _send(self, address: Notify, event: str, body: bytes) -> None:
        try:
            if address.heartbeat:
                tell(address.url, None, {}, timeout_s=EXCHANGE_S)
            else:
                tell(address.url, body, headers_of(address, event, body), timeout_s=EXCHANGE_S)
            outcome = "told"
        except NoReply as error:
            outcome = error.what
        except ValueError:
            outcome = "the address cannot be used"
        try:
            self._history.tell(self._run, event, urlsplit(address.url).hostname or "", outcome, time.time())
        except Exception:  # a note that cannot be kept stops nothing
            return


def headers_of(address: Notify, event: str, body: bytes) -> dict[str, str]:
    """Return the headers of a webhook; signed where the recipe names a secret that the environment has."""
    stamp = str(int(time.time()))
    headers = {"Content-Type": "application/json", "X-Tilth-Event": event, "X-Tilth-Timestamp": stamp}
    secret = os.environ.get(address.secret or "", "")
    return headers | ({"X-Tilth-Signature": signature(secret, stamp, body)} if secret else {})


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return what `X-Tilth-Signature` is to be."""
    signed = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={signed.hexdigest()}"


def missing_secrets(addresses: Sequence[Notify]) -> list[str]:
    """Return the names of secrets that the environment does not have."""
    return [one.secret for one in addresses if one.secret and not os.environ.get(one.secret)]
