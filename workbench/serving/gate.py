"""Who may ask: the token of the printed link, the host and origin of the page itself, and forms that it made.

A request is refused before any view sees it unless it names this server as its host (so that no other name can be
pointed here), brings the token, and, where it changes something, comes from a page of this server (its origin, and
the secret in its form). The token moves from the link into a cookie that scripts cannot read and other sites do not
send.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "tilth"
SAFE = ("GET", "HEAD")
OPEN_PATHS = ("/static/",)
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    # With no-referrer a browser sends forms with the origin "null", and no form could be told from a foreign one.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass(frozen=True)
class Keys:
    """What opens the room. token: in the printed link. secret: in every form."""

    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(24))


class Gate:
    """An ASGI middleware that lets in whoever has the token, and nobody through another site.

    hosts: names under which this server may be asked for (with a port or without); behind a proxy, that of the proxy.
    user_header: where a proxy names the user, it vouches for them: then no token is asked for, but the header is.
    """

    def __init__(
        self, app: ASGIApp, keys: Keys, hosts: frozenset[str], user_header: str | None, *, read_only: bool
    ) -> None:
        self._app, self._keys, self._hosts = app, keys, hosts
        self._user_header, self._read_only = user_header, read_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal:
            status, words = refusal
            answer = PlainTextResponse(f"{words}\n", status_code=status, headers=HEADERS)
            await answer(scope, receive, send)
            return
        given = QueryParams(scope["query_string"]).get("token")
        if given is not None and self._user_header is None:
            await self._welcome(scope)(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers, verb = Headers(scope=scope), scope["method"]
        host = headers.get("host", "")
        if host not in self._hosts:
            return 421, "This server is not asked for under this name."
        if verb not in (*SAFE, "POST"):
            return 405, "Nothing here answers to this method."
        if verb == "POST":
            if self._read_only:
                return (
                    403,
                    "This room is read-only: nothing can be decided here. Start it without --read-only.",
                )
            if not self._is_own_page(headers, host):
                return 403, "This form was not sent from a page of this server."
        if scope["path"].startswith(OPEN_PATHS):
            return None
        if self._user_header is not None:
            return (
                None
                if headers.get(self._user_header, "").strip()
                else (401, "The proxy did not name the user.")
            )
        given = QueryParams(scope["query_string"]).get("token") if verb in SAFE else None
        if not any(
            hmac.compare_digest(one.encode(), self._keys.token.encode())
            for one in (given, _cookie(headers))
            if one
        ):
            return 401, "This page needs the link that `tilth serve` printed, with its token."
        return None

    @staticmethod
    def _is_own_page(headers: Headers, host: str) -> bool:
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if site is not None and site != "same-origin":
            return False
        return (
            origin is not None
            and urlsplit(origin).netloc == host
            and urlsplit(origin).scheme in ("http", "https")
        )

    def _welcome(self, scope: Scope) -> RedirectResponse:
        """Move the token from the address into a cookie."""
        rest = [(k, v) for k, v in QueryParams(scope["query_string"]).multi_items() if k != "token"]
        path = "/" + scope["path"].lstrip("/\\")  # `//host` would be another site
        answer = RedirectResponse(f"{path}?{QueryParams(rest)}" if rest else path, 303, headers=HEADERS)
        answer.set_cookie(COOKIE, self._keys.token, httponly=True, samesite="strict", path="/")
        return answer


def _cookie(headers: Headers) -> str:
    try:
        held = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return held.value if held else ""
