"""A thousand requests that are wrong, made from the server's own description: never an error of its own."""

from __future__ import annotations

import json
import random

import pytest

from labelwise.project.journal import Journal

N_REQUESTS = 1000
STRANGE = [
    *(None, True, False, 0, -1, 2**31, 2**63, 10**400, 1.5, float("nan"), float("inf")),
    *("", " ", "x", "a" * 300, "1" * 5000, "\ud800", "\x00", "\u202e", "1,2", ",", "\uff11"),
    *("<img src=x onerror=alert(1)>", "=cmd()", "../../etc/passwd"),
    *([], [[]], [None], [1, "a"], [-1], [300], {}, {"a": 1}),
]


def value_for(schema, draw):
    """Something strange, or something that nearly fits."""
    if draw.random() < 0.5:
        return draw.choice(STRANGE)
    kinds = {
        "integer": lambda: draw.randrange(-2, 400),
        "string": lambda: draw.choice(["zero", "one", "csv", "suggested", "labels.csv", "1,2"]),
        "array": lambda: [draw.randrange(-1, 301) for _ in range(draw.randrange(4))],
    }
    return kinds.get(schema.get("type"), lambda: draw.choice(STRANGE))()


def requests(description, draw):
    """Method, path, query and body, without end."""
    schemas = description["components"]["schemas"]
    places = [
        (method, path, operation)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
        if path not in ("/api/news", "/api/refine")  # one does not end, the other trains
    ]
    while True:
        method, path, operation = draw.choice(places)
        query = {}
        for parameter in operation.get("parameters", []):
            value = value_for(parameter["schema"], draw)
            if parameter["in"] == "path":
                text = value if isinstance(value, str) else json.dumps(value)
                path = path.replace(f"{{{parameter['name']}}}", text[:200])
            elif draw.random() < 0.8:
                query[parameter["name"]] = str(value)[:300].encode("utf-8", "replace").decode()
        body = None
        if "requestBody" in operation:
            reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            fields = schemas[reference.rpartition("/")[2]]["properties"]
            body = {name: value_for(field, draw) for name, field in fields.items() if draw.random() < 0.7}
            body = draw.choice([body, body, body, body, [], draw.choice(STRANGE)])
        yield method, path, query, body


def content_of(body, draw):
    if body is None:
        return draw.choice([None, b"", b"\xff", b"index,label\n1,a\n"])
    content = json.dumps(body).encode()
    return content if draw.random() < 0.9 else content[: draw.randrange(1 + len(content))]


@pytest.mark.parametrize("seed", range(4))
def test_never_an_error_of_the_server_and_never_a_lost_name(client, session, place, seed):
    draw = random.Random(seed)
    for row in range(5):
        client.post("/api/label", json={"items": [row], "label": f"kept {row}"})
    made = requests(client.get("/api/openapi.json").json(), draw)
    for _ in range(N_REQUESTS // 4):
        method, path, query, body = next(made)
        try:
            path.encode("ascii")
        except UnicodeEncodeError:
            continue
        path = "".join(each for each in path if each.isprintable())
        answer = client.request(method, path, params=query, content=content_of(body, draw))
        assert answer.status_code < 500, (method, path, query, body, answer.text)
    decisions = Journal(place / "labels.jsonl").decisions  # it can be read
    assert [each.label for each in decisions[:5]] == [f"kept {row}" for row in range(5)]
    assert len(decisions) == session.revision
