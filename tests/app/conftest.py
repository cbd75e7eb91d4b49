"""A page over a small project of digits, asked in this process or served by a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pytest

from labelwise import Project
from labelwise.errors import StructureWarning
from project.conftest import NAMES, trained, write_images

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

from starlette.testclient import TestClient

from labelwise.app import serving
from labelwise.app.server import make_app
from labelwise.app.session import Session

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
TOKEN, PORT = "secret-of-the-tests", 8790
N = 120  # texts, and rows of a table
ODD = 7  # the row with values that no other has
TEXTS = [f"the {'cat purr' if row % 2 else 'dog howl'} number {row}" for row in range(N)]
SMALL = {"n_latent": 2, "n_hidden": 16, "max_epochs": 10, "random_state": 0, "device": "cpu"}
PROGRAM = "from labelwise.cli.main import main; main()"


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A project of 300 digits without labels; to be copied."""
    folder = tmp_path_factory.mktemp("made")
    data = write_images(folder / "digits.npz")
    with Project.create(folder / "digits.labelwise", data, gmvae=trained()) as project:
        project.sheets(8)
        project.graphs(["latents"])
    return folder / "digits.labelwise"


@pytest.fixture
def place(made, tmp_path):
    """The folder of a project of one's own."""
    return Path(shutil.copytree(made, tmp_path / "digits.labelwise"))


@pytest.fixture
def session(place):
    """A project on a page."""
    session = Session(Project.open(place))
    yield session
    session.close()


@pytest.fixture
def client(session):
    """A browser that has opened the page."""
    app = make_app(session, TOKEN, PORT)
    with TestClient(app, base_url=f"http://127.0.0.1:{PORT}", raise_server_exceptions=False) as client:
        client.headers["authorization"] = f"Bearer {TOKEN}"
        yield client


def truth_of(rows):
    return [str(name) for name in NAMES[np.asarray(rows)]]


class Served:
    """`labelwise name` in a process of its own."""

    def __init__(self, place, *words, before=""):
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", before + PROGRAM, "name", str(place), "--json", "--port", "8900", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(self.process.stderr.read())
        self.address = json.loads(line)["address"]

    def kill(self):
        """End it as a crash would."""
        self.process.kill()
        self.process.communicate()

    def end(self, signal):
        self.process.send_signal(signal)
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, errors


@pytest.fixture(scope="module")
def browser():
    """Chromium, without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@contextlib.contextmanager
def hosted(place):
    """The address of a page that a thread serves: a process would import everything anew, for seconds."""
    servers, addresses = [], queue.SimpleQueue()
    make = serving._make_server

    def keep(config, session):
        servers.append((make(config, session), session))
        return servers[0][0]

    with mock.patch.object(serving, "_make_server", keep):
        options = {"port": 8900, "browser": False, "ready": addresses.put}
        thread = threading.Thread(target=serving.serve, args=[Project.open(place)], kwargs=options)
        thread.start()
        address = addresses.get(timeout=60)
    yield address
    for server, session in servers:
        session.is_closed = server.should_exit = True
    thread.join(60)
    assert not thread.is_alive()


@pytest.fixture
def served(place):
    served = Served(place)
    yield served
    served.kill()


@pytest.fixture
def address(place):
    with hosted(place) as address:
        yield address


@pytest.fixture
def faults():
    """What the page complained of: nothing may be left."""
    found = []
    yield found
    assert found == []


@pytest.fixture
def context(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(90_000)  # all that is imported late may take half a minute on a busy machine
    yield context
    context.close()


@pytest.fixture
def page(context, address, faults):
    return opened(context, address, faults)


@pytest.fixture
def named(context, place, faults):
    """The page, after eight sheets were named."""
    with Project.open(place) as project:
        for sheet in project.sheets(8):
            names = truth_of(sheet.items)
            project.label_items(sheet.items, max(set(names), key=names.count), by="Ana")
    with hosted(place) as address:
        yield opened(context, address, faults)


def opened(context, address, faults, by="Ana", shown=".tile"):
    """The page, with a person who said who they are and a sheet on which `shown` is."""
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: message.type == "error" and faults.append(message.text))
    page.goto(address)
    page.wait_for_selector("dialog[open], #person:not(:empty)")
    if page.query_selector("dialog[open]"):
        page.keyboard.type(by)
        page.keyboard.press("Enter")
    page.wait_for_selector(shown)
    return page


def rows_on(page):
    return [int(tile.get_attribute("data-row")) for tile in page.query_selector_all(".tile:not(.named)")]


def settled(page):
    """Until all is saved."""
    page.wait_for_function("() => document.querySelector('#saved').textContent === 'Saved'")


def name_sheet(page):
    """Name the sheet by what most of it is, and return what was said of which rows."""
    page.wait_for_selector(".tile")
    rows = rows_on(page)
    name = max(set(truth_of(rows)), key=truth_of(rows).count)
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    page.wait_for_function(
        "rows => !rows.some((row) => document.querySelector(`[data-row='${row}']`))", arg=rows
    )
    return dict.fromkeys(rows, name)


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """A project of texts in a column."""
    from tiny_models import text_model  # first, as it lets the next line work

    pytest.importorskip("sentence_transformers")
    folder = tmp_path_factory.mktemp("texts")
    pd.DataFrame({"id": range(N), "body": TEXTS}).to_csv(folder / "mail.csv", index=False)
    model = text_model(folder / "model")
    return made_small(
        folder / "mail.labelwise", folder / "mail.csv", text_column="body", features=f"text:{model}"
    )


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """A project of rows, one of which was named first."""
    folder = tmp_path_factory.mktemp("rows")
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "amount": rng.normal(np.arange(N) % 2 * 4, 1).round(3),
            "weight": rng.normal(10, 1, N).round(3),
            "colour": np.where(np.arange(N) % 2, "red", "blue"),
            "unit": "kg",
        }
    )
    table.loc[ODD, ["amount", "weight", "colour"]] = [9000.0, np.nan, "<b>puce</b>"]
    table.to_csv(folder / "goods.csv", index=False)
    place = made_small(folder / "goods.labelwise", folder / "goods.csv", features="table")
    with Project.open(place) as project:
        project.label(ODD, "odd")
    return place


def made_small(place, data, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StructureWarning)  # so small a model may leave components dead
        Project.create(place, data, n_components=4, **options, **SMALL).close()
    return place
