"""Who may ask, and what may not get in."""

from __future__ import annotations

import pytest

from app.conftest import PORT, TOKEN

HOST = f"127.0.0.1:{PORT}"


@pytest.fixture
def stranger(client):
    """The same client without the token."""
    del client.headers["authorization"]
    return client


class TestToken:
    @pytest.mark.parametrize(
        "path", ["/", "/api/state", "/static/main.js", "/api/news", "/?token=wrong", "/?token="]
    )
    def test_nothing_without_it(self, stranger, path):
        answer = stranger.get(path)
        assert answer.status_code == 401
        assert "labelwise name" in answer.text

    def test_the_address_gives_a_cookie_that_scripts_cannot_read(self, stranger):
        answer = stranger.get(f"/?token={TOKEN}")
        assert answer.status_code == 200
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert stranger.get("/api/state").status_code == 200

    def test_it_counts_only_in_the_address_of_the_page(self, stranger):
        assert stranger.get(f"/api/state?token={TOKEN}").status_code == 401

    @pytest.mark.parametrize("header", ["Bearer wrong", "Basic eA==", "Bearer", "Bearer é"])
    def test_wrong_headers(self, stranger, header):
        assert (
            stranger.get("/api/state", headers={"authorization": header.encode("latin-1")}).status_code == 401
        )

    @pytest.mark.parametrize(
        "cookie", ["labelwise-8790=wrong", "labelwise-1=secret-of-the-tests", "\x7f=;;;", "="]
    )
    def test_wrong_cookies(self, stranger, cookie):
        assert stranger.get("/api/state", headers={"cookie": cookie}).status_code == 401


class TestWhereFrom:
    @pytest.mark.parametrize(
        "host", ["evil.example", "evil.example:8790", "127.0.0.1.evil.example", "", "[::1", "0.0.0.0:8790"]
    )
    def test_another_host(self, client, host):
        answer = client.get("/api/state", headers={"host": host})
        assert answer.status_code == 403

    @pytest.mark.parametrize("host", ["localhost:8790", "127.0.0.1:9999", "LOCALHOST"])
    def test_this_machine_also_through_a_tunnel(self, client, host):
        assert client.get("/api/state", headers={"host": host}).status_code == 200

    @pytest.mark.parametrize(
        "origin",
        ["http://evil.example", "null", f"https://{HOST}", "http://127.0.0.1:1", f"http://{HOST}.evil"],
    )
    @pytest.mark.parametrize("path", ["/api/label", "/api/undo", "/api/labels/file?kind=csv"])
    def test_another_origin_changes_nothing(self, client, session, origin, path):
        answer = client.post(path, json={"items": [1], "label": "x"}, headers={"origin": origin})
        assert answer.status_code == 403
        assert session.revision == 0

    @pytest.mark.parametrize("site", ["cross-site", "same-site"])
    @pytest.mark.parametrize("path", ["/api/news", "/api/state", "/api/picture/1"])
    def test_another_site_reads_nothing(self, client, site, path):
        assert client.get(path, headers={"sec-fetch-site": site}).status_code == 403

    def test_a_link_elsewhere_may_lead_to_the_page(self, stranger):
        headers = {"sec-fetch-site": "cross-site"}
        assert stranger.get(f"/?token={TOKEN}", headers=headers).status_code == 200

    def test_its_own_origin(self, client, session):
        answer = client.post(
            "/api/label", json={"items": [1], "label": "x"}, headers={"origin": f"http://{HOST}"}
        )
        assert answer.status_code == 200
        assert session.revision == 1


class TestWhatGetsIn:
    def test_headers_allow_nothing_from_elsewhere(self, client):
        policy = client.get("/").headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert client.get("/api/state").headers["x-content-type-options"] == "nosniff"

    @pytest.mark.parametrize(
        "path",
        [
            "/static/../server.py",
            "/static/%2e%2e/server.py",
            "/static/..%2fserver.py",
            "/static//etc/passwd",
            "/api/files/../../manifest.json",
            "/api/files/%2e%2e%2fmanifest.json",
        ],
    )
    def test_no_path_leads_out(self, client, path):
        assert client.get(path).status_code in (404, 405, 422)

    def test_a_large_body_is_refused(self, client, session):
        body = {"items": [1], "label": "x", "by": "y" * 2_000_000}
        assert client.post("/api/label", json=body).status_code == 413
        assert session.revision == 0

    def test_a_body_that_grows_beyond_what_it_announced(self, client, session):
        def parts():
            for _ in range(300):
                yield b" " * 10_000

        answer = client.post("/api/label", content=parts())
        assert 400 <= answer.status_code < 500
        assert session.revision == 0

    @pytest.mark.parametrize(
        "name", ["<img src=x onerror=alert(1)>", "</script><script>", "=cmd()", "a" * 200, "Zaunkönig 🐦"]
    )
    def test_names_are_kept_as_they_are(self, client, session, name):
        assert client.post("/api/label", json={"items": [1], "label": name}).status_code == 200
        assert session.project.labeled()[1][0] == name
        classes = client.get("/api/state").json()["classes"]
        assert (name, 1) in [(each["name"], each["n"]) for each in classes]

    @pytest.mark.parametrize("name", ["", " ", "a" * 201, "a\nb", "-1", "\ud800"])
    def test_names_that_are_none(self, client, session, name):
        import json

        answer = client.post("/api/label", content=json.dumps({"items": [1], "label": name}))
        assert answer.status_code in (400, 422)
        assert answer.json()["error"]
        assert session.revision == 0
