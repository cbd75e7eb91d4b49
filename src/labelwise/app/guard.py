"""Who may ask: only this page, opened with the token, from this machine."""

from __future__ import annotations

import hmac
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping
    from typing import Any

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

COOKIE = "labelwise"
_HOSTS = ("127.0.0.1", "localhost")
MOST_BYTES = 1_000_000  # of a body: a decision has a few hundred
MOST_BYTES_OF_A_FILE = 200_000_000  # of labels that are brought in
UPLOAD = "/api/labels/file"

_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """An ASGI application around another one, which sees only what this lets through.

    A page of another site can make the browser ask this server, and with a name that resolves to 127.0.0.1
    (DNS rebinding) even read the answer. So each request must name this machine as its host, come from the
    page itself, and know the token: in the address once, then in a cookie, or in the header
    ``Authorization: Bearer``.

    Parameters
    ----------
    app : ASGI application
    token : str
    port : int
        Cookies do not know ports: its name does.
    """

    def __init__(self, app: Any, token: str, port: int) -> None:
        self._app = app
        self._token = token
        self._cookie = f"{COOKIE}-{port}"

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = _decoded(scope["headers"])
        is_entry = self._knows_address(scope)
        if fault := _fault(headers, is_entry=is_entry):
            await _refuse(send, 403, fault)
        elif not is_entry and not self._knows(headers):
            await _refuse(send, 401, "open the address that labelwise name printed: it has a token")
        elif (most := _most_bytes(scope)) < _announced(headers):
            await _refuse(send, 413, f"the request is larger than {most:,} bytes")
        else:
            await self._pass(scope, receive, send, most, is_entry=is_entry)

    async def _pass(self, scope: Message, receive: Receive, send: Send, most: int, *, is_entry: bool) -> None:
        n_bytes = 0

        async def counted() -> Message:
            nonlocal n_bytes
            message = await receive()
            n_bytes += len(message.get("body", b""))
            # What grows beyond its announced length is cut off like a connection that broke.
            return message if n_bytes <= most else {"type": "http.disconnect"}

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
                if is_entry:
                    cookie = f"{self._cookie}={self._token}; HttpOnly; SameSite=Strict; Path=/"
                    extra.append((b"set-cookie", cookie.encode()))
                message = {**message, "headers": [*message.get("headers", []), *extra]}
            await send(message)

        await self._app(scope, counted, dressed)

    def _knows_address(self, scope: Message) -> bool:
        if scope["path"] != "/" or scope["method"] != "GET":
            return False
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        return self._is_token(given)

    def _knows(self, headers: dict[str, str]) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._is_token(given):
            return True
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            return False
        return morsel is not None and self._is_token(morsel.value)

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._token.encode())


def _decoded(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def _fault(headers: dict[str, str], *, is_entry: bool) -> str:
    """What is wrong with where a request comes from; empty if nothing is."""
    host = headers.get("host", "")
    if _name_of(f"http://{host}") not in _HOSTS:
        return f"host {host!r} is not this machine: open 127.0.0.1"
    origin = headers.get("origin")
    if origin is not None and origin != f"http://{host}":
        return f"origin {origin!r} is another site"
    # A link to the page may be clicked anywhere, as in a notebook; what it leads to asks from here.
    if not is_entry and headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return "the request comes from another site"
    return ""


def _name_of(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def _most_bytes(scope: Message) -> int:
    return MOST_BYTES_OF_A_FILE if scope["path"] == UPLOAD else MOST_BYTES


def _announced(headers: dict[str, str]) -> int:
    length = headers.get("content-length", "0")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 16 else 0


async def _refuse(send: Send, status: int, reason: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    headers += [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"labelwise: {reason}\n".encode()})
