"""The limit of time for one text."""

from __future__ import annotations

import gc

import pytest

from geomkit.expressions.clock import Clock


def test_collecting_garbage_does_not_use_up_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.thread_time", lambda: now[0])
    clock = Clock(1.0)
    now[0] = 5.0
    gc.collect()
    assert not clock.is_over()  # once
    now[0] = 10.0
    gc.collect()
    assert clock.is_over()
    idle = Clock(1.0)
    now[0] = 11.5
    gc.disable()
    try:
        assert idle.is_over()
    finally:
        gc.enable()
