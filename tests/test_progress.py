"""Events drawn for a person: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import io
import sys

import pytest
from rich.console import Console

from labelwise import progress
from labelwise.errors import ParameterError
from labelwise.events import Event, ignore
from labelwise.progress import Progress, shown


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is told to move on."""

    class Clock:
        now = 100.0

    monkeypatch.setattr(progress.time, "monotonic", lambda: Clock.now)
    return Clock


def plain():
    """Progress that writes to something that is not a terminal."""
    file = io.StringIO()
    return Progress(Console(file=file, force_terminal=False)), file


def terminal():
    file = io.StringIO()
    return Progress(Console(file=file, force_terminal=True, width=100)), file


class TestPlainLines:
    def test_there_is_at_most_one_in_five_seconds_and_the_last_message_always(self, clock):
        listen, file = plain()
        for second in range(13):
            clock.now = 100.0 + second
            listen(Event("training", second / 12, f"second {second}" if second else ""))
        assert file.getvalue().splitlines() == ["second 6", "second 12"]

    def test_a_quick_stage_without_messages_is_silent(self, clock):
        listen, file = plain()
        for fraction in (0, 0.5, 1):
            listen(Event("encoding", fraction))
        assert file.getvalue() == ""

    def test_a_long_stage_without_messages_says_how_far_it_is(self, clock):
        listen, file = plain()
        for second in range(0, 41, 10):
            clock.now = 100.0 + second
            listen(Event("encoding", second / 40))
        assert file.getvalue().splitlines() == ["encoding: 50%", "encoding: 100%"]

    def test_what_a_stage_begins_with_is_said_at_once(self, clock):
        listen, file = plain()
        listen(Event("training", 0.5, "resuming"))
        listen(Event("training", 0.6, "soon"))
        assert file.getvalue().splitlines() == ["resuming"]

    def test_stages_follow_each_other(self, clock):
        listen, file = plain()
        for stage in ("training", "encoding", "training"):
            listen(Event(stage, 0))
            listen(Event(stage, 1, f"{stage} is done"))
        assert file.getvalue().splitlines() == ["training is done", "encoding is done", "training is done"]

    def test_messages_are_no_markup(self, clock):
        listen, file = plain()
        listen(Event("training", 1, "[bold]3 items[/bold]"))
        assert file.getvalue() == "[bold]3 items[/bold]\n"


class TestTerminal:
    def test_a_bar_shows_stage_share_and_message(self, clock):
        listen, file = terminal()
        listen(Event("training", 0))
        clock.now += 1
        listen(Event("training", 0.25, "epoch 1/4"))
        text = file.getvalue()
        assert "training" in text
        assert "25%" in text
        assert "epoch 1/4" in text
        listen.close()

    def test_it_is_not_drawn_more_often_than_an_eye_follows(self, clock):
        listen, file = terminal()
        listen(Event("training", 0))
        clock.now += 1
        listen(Event("training", 0.25))
        before = file.getvalue()
        listen(Event("training", 0.26))
        assert file.getvalue() == before
        listen(Event("training", 1))  # the end is always drawn
        assert "100%" in file.getvalue()

    def test_stages_get_a_bar_each(self, clock):
        listen, file = terminal()
        for stage in ("training", "encoding"):
            listen(Event(stage, 0))
            listen(Event(stage, 1))
        assert file.getvalue().count("100%") >= 2
        assert file.getvalue().index("training") < file.getvalue().index("encoding")

    def test_standard_streams_stay_as_they_are(self, clock):
        before = sys.stdout, sys.stderr
        listen, _ = terminal()
        with listen:
            listen(Event("training", 0))
            listen(Event("training", 0.5))
            assert (sys.stdout, sys.stderr) == before

    def test_the_cursor_is_back_after_an_error(self, clock):
        listen, file = terminal()
        with contextlib.suppress(ZeroDivisionError), listen:
            listen(Event("training", 0))
            raise ZeroDivisionError
        hidden, shown_again = "\x1b[?25l", "\x1b[?25h"
        assert file.getvalue().count(hidden) == file.getvalue().count(shown_again) == 1


class TestShown:
    def test_without_verbose_the_listener_is_passed_on(self):
        events = []
        with shown(events.append, 0) as tell:
            tell(Event("training", 1, "done"))
        assert events == [Event("training", 1, "done")]
        with shown(None, 0) as tell:
            assert tell is ignore

    def test_verbose_writes_to_standard_error_and_passes_events_on(self, capsys):
        events = []
        with shown(events.append, 1) as tell:
            tell(Event("training", 1, "done"))
        assert capsys.readouterr() == ("", "done\n")
        assert len(events) == 1
        with shown(None, True) as tell:
            tell(Event("training", 1, "done"))
        assert capsys.readouterr().err == "done\n"

    def test_what_cannot_be_called_is_refused(self):
        with pytest.raises(ParameterError, match="listen=1 "), shown(1, 0):
            pass
