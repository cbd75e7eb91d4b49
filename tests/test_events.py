"""The protocol by which long work reports and is cancelled."""

from __future__ import annotations

import threading

import pytest

from labelwise.errors import LabelwiseError, ParameterError
from labelwise.events import Cancellable, Cancelled, Event, check_listener, part_of, tell_all


def work(listen, n_steps=10):
    """Some long work."""
    for step in range(n_steps + 1):
        listen(Event("working", step / n_steps))


def test_a_list_can_listen():
    events = []
    work(events.append, 2)
    assert events == [Event("working", 0), Event("working", 0.5), Event("working", 1)]


def test_an_event_cannot_be_changed():
    with pytest.raises(AttributeError):
        Event("working", 0.5).fraction = 1


class TestCancellable:
    def test_events_pass_until_it_is_cancelled(self):
        events = []
        listen = Cancellable(events.append)
        work(listen, 2)
        assert [event.fraction for event in events] == [0, 0.5, 1]
        assert not listen.cancelled
        listen.cancel()
        assert listen.cancelled
        with pytest.raises(Cancelled, match="working"):
            work(listen)
        assert len(events) == 3

    def test_it_can_be_cancelled_from_another_thread(self):
        seen, cancelled = threading.Event(), threading.Event()

        def wait(event):
            seen.set()
            assert cancelled.wait(30)

        listen = Cancellable(wait)

        def cancel():
            assert seen.wait(30)
            listen.cancel()
            cancelled.set()

        thread = threading.Thread(target=cancel)
        thread.start()
        with pytest.raises(Cancelled):
            work(listen)
        thread.join()

    def test_it_needs_no_listener(self):
        listen = Cancellable()
        work(listen)
        listen.cancel()
        with pytest.raises(LabelwiseError):
            work(listen)


def test_all_are_told_in_order():
    events = []
    work(tell_all(lambda event: events.append("first"), lambda event: events.append("second")), 1)
    assert events == ["first", "second"] * 2


@pytest.mark.parametrize("n_parts", [1, 3, 7, 11])
def test_parts_make_up_a_whole_whose_fractions_never_fall(n_parts):
    events = []
    for part in range(n_parts):
        work(part_of(events.append, "whole", part / n_parts, (part + 1) / n_parts))
    assert {event.stage for event in events} == {"whole"}
    fractions = [event.fraction for event in events]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0
    assert fractions[-1] == 1
    assert fractions[5] == pytest.approx(0.5 / n_parts)


def test_a_part_keeps_message_and_numbers():
    events = []
    part_of(events.append, "whole", 0.5, 1)(Event("part", 0.5, "halfway", {"loss": 2.0}))
    assert events == [Event("whole", 0.75, "halfway", {"loss": 2.0})]


def test_what_cannot_be_called_is_no_listener():
    check_listener(None)
    check_listener([].append)
    with pytest.raises(ParameterError, match=r"^listen=3 must be"):
        check_listener(3)
