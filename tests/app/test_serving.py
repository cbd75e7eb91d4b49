"""Sockets that the page is served at."""

from __future__ import annotations

import asyncio
import http.client
import signal
import socket
import time
from urllib.parse import urlsplit

from app.conftest import Served
from labelwise.app.serving import HOST, listen


class Greeting(asyncio.Protocol):
    """Keeps whether small answers leave at once."""

    def __init__(self, found):
        self.found = found

    def connection_made(self, transport):
        accepted = transport.get_extra_info("socket")
        self.found.set_result(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        transport.close()


def test_answers_leave_at_once():
    async def served():
        found = asyncio.get_running_loop().create_future()
        with listen(0) as listening:
            server = await asyncio.get_running_loop().create_server(lambda: Greeting(found), sock=listening)
            _, writer = await asyncio.open_connection(HOST, listening.getsockname()[1])
            at_once = await found
            writer.close()
            await writer.wait_closed()
            server.close()
            await server.wait_closed()
        return at_once

    assert asyncio.run(served())


def test_a_port_that_is_taken_is_stepped_over():
    with listen(0) as first:
        port = first.getsockname()[1]
        with listen(port) as second:
            assert second.getsockname()[1] > port


SLOW = """
import time
from labelwise import Project

def wait(*_):
    time.sleep(2.5)

Project.export_labels = wait
"""


def test_ctrl_c_while_an_answer_is_made_says_nothing(place):
    served = Served(place, before=SLOW)
    try:
        address = urlsplit(served.address)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        token = address.query.partition("=")[2]
        connection.request("GET", "/api/files/labels.csv", headers={"authorization": f"Bearer {token}"})
        time.sleep(0.5)
        assert served.end(signal.SIGINT) == (0, "")
        connection.close()
    finally:
        served.kill()
