"""A small OpenID Connect provider on loopback, for tests of signing in by another service."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit


class Provider(ThreadingHTTPServer):
    """A small OpenID Connect provider: whoever comes is `person`, without a question."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.person: dict[str, Any] = {}


class Answer(BaseHTTPRequestHandler):
    """Its pages."""

    server: Provider

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/authorize":
            asked = parse_qs(url.query)
            assert asked["code_challenge_method"] == ["S256"]
            given = urlencode({"code": "once", "state": asked["state"][0]})
            self.send_response(302)
            self.send_header("Location", f"{asked['redirect_uri'][0]}?{given}")
            self.end_headers()
        elif url.path == "/userinfo":
            self.tell(self.server.person)
        else:
            names = {"authorization_endpoint": "authorize", "token_endpoint": "token",
                     "userinfo_endpoint": "userinfo", "jwks_uri": "keys"}  # fmt: skip
            paths = {name: f"{self.server.url}/{path}" for name, path in names.items()}
            self.tell({"issuer": self.server.url, **paths})

    def do_POST(self) -> None:
        sent = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        assert sent["code"] == ["once"]
        assert "code_verifier" in sent
        self.tell({"access_token": "good", "token_type": "Bearer", "expires_in": 60})

    def tell(self, what: dict[str, Any]) -> None:
        """Answer with JSON."""
        body = json.dumps(what).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
