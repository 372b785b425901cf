"""Nobody without the link, no other site, no form that was not made here, nothing in a room that only looks."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.workbench.serving.conftest import KEYS, Asked, asked, room_of
from tilth.workbench.serving.app import make_app
from tilth.workbench.serving.gate import COOKIE

PATHS = ("/", "/version/desk.candidate", "/rows/desk.candidate", "/review/desk", "/runs", "/what-if/desk",
         "/refresh/desk", "/kept/reports/x/report.html", "/run/x/events", "/no/such")  # fmt: skip
POSTS = ("/review/desk/judge", "/refresh/desk/decide", "/what-if/desk/write", "/me", "/run/x/vote")


def stranger(folder: Path) -> TestClient:
    return TestClient(make_app(room_of(folder), frozenset({"testserver"})), follow_redirects=False)


@pytest.mark.parametrize("path", PATHS)
def test_a_request_without_the_token_sees_nothing(path: str, kept_world: Path) -> None:
    client = stranger(kept_world)
    for given in ("", "?token=wrong", f"?token={KEYS.token[:-1]}"):
        answer = client.get(path + given)
        assert answer.status_code == 401 and "desk" not in answer.text
    client.cookies.set(COOKIE, "wrong")
    assert client.get(path).status_code == 401


def test_the_link_opens_the_room_and_the_token_leaves_the_address(kept_world: Path) -> None:
    client = stranger(kept_world)
    answer = client.get(f"/rows/desk.candidate?q=lamp&token={KEYS.token}")
    assert answer.status_code == 303 and answer.headers["location"] == "/rows/desk.candidate?q=lamp"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie
    elsewhere = client.get(f"http://testserver//evil.example/?token={KEYS.token}")
    assert elsewhere.headers["location"] == "/evil.example/"


@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "127.0.0.1:1", "", "localhost"])
def test_another_name_for_this_server_is_refused(host: str, browser: Asked) -> None:
    assert browser.get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://evil.example"}, {"origin": "null"}, {"origin": "http://testserver.evil.example"}, {},
     {"origin": "http://testserver", "sec-fetch-site": "cross-site"}, {"origin": "file://testserver"}],
)  # fmt: skip
def test_a_form_from_another_origin_is_refused(path: str, headers: dict[str, str], browser: Asked) -> None:
    answer = browser.client.post(path, data={"form_secret": KEYS.secret}, headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("secret", ["", "wrong", KEYS.token])
def test_a_forged_form_is_refused(path: str, secret: str, browser: Asked) -> None:
    assert browser.post(path, {"form_secret": secret, "act": "drop"}).status_code == 403


@pytest.mark.parametrize("path", POSTS)
def test_a_room_that_only_looks_decides_nothing(path: str, world: Path) -> None:
    only_looking = asked(room_of(world, read_only=True))
    assert only_looking.post(path, {}).status_code == 403
    page = only_looking.get("/review/desk/card?queue=sample:empty:empty_response")
    assert page.status_code == 200 and "looking only" in page.text and 'value="drop"' not in page.text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_no_other_method_is_answered(method: str, browser: Asked) -> None:
    assert browser.client.request(method, "/").status_code == 405


def test_every_answer_forbids_what_a_page_does_not_need(browser: Asked) -> None:
    for path in ("/", "/rows/desk.candidate", "/no/such", "/version/zzzz", "/static/room.js"):
        headers = browser.get(path).headers
        policy = headers["content-security-policy"]
        assert (
            "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        )
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "same-origin"


def test_behind_a_proxy_its_header_is_who_decides(world: Path) -> None:
    room = room_of(world, user_header="x-forwarded-user")
    client = TestClient(make_app(room, frozenset({"data.example.org"})), base_url="http://data.example.org")
    assert client.get("/").status_code == 401
    assert "you are <b>bob</b>" in client.get("/", headers={"x-forwarded-user": "bob"}).text
    # The link's token opens nothing here, and a cookie cannot say who one is.
    client.cookies.set("tilth-who", "carol")
    assert client.get("/", headers={"x-forwarded-user": "bob"}).text.count("carol") == 0


@pytest.mark.parametrize(
    "path",
    ["/kept/reports/../../format", "/kept/reports/..%2f..%2fformat/report.html", "/kept/reports/%2e%2e/report.json",
     "/kept/objects/ab/report.html", "/static/..%2fapp.py", "/static/../app.py", "/run/..%2f..", "/run/%2e%2e",
     "/rows/..%2f..%2fetc", "/row/desk.candidate/..%2f..", "/kept/reports/x%00/report.html"],
)  # fmt: skip
def test_no_address_leads_out_of_the_store(path: str, browser: Asked) -> None:
    answer = browser.get(path)
    assert answer.status_code in (400, 404), answer.text[:200]
    assert "root:" not in answer.text and "import" not in answer.text


def test_a_form_that_is_too_large_or_no_form_is_refused(browser: Asked) -> None:
    path = "/review/desk/judge"
    for body in (b"a" * (17 << 20), b"\xff\xfe=1", b"&".join(b"a%d=1" % n for n in range(1_000))):
        headers = {"origin": browser.origin, "content-type": "application/x-www-form-urlencoded"}
        assert browser.client.post(path, content=body, headers=headers).status_code == 400
