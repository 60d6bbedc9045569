"""Listeners are told of what has to be compiled; the cache's folder is not read for every training to find out."""

from __future__ import annotations

import pytest

from backlit.engine.code_cache import announcing, background, disk_cache

NAMES = ("evaluate_rows", "predict_rows")


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """An empty cache; no helper is started."""
    monkeypatch.setattr(disk_cache, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(background, "processors", lambda: 1)
    return tmp_path


@pytest.fixture
def told(monkeypatch):
    """What the listeners are told."""
    told = []
    monkeypatch.setattr(announcing, "compilation_listeners", [told.append])
    return told


def test_each_start_is_announced_until_all_is_there(folder, told):
    background.begin("float64", NAMES)
    background.begin("float64", NAMES)
    (folder / "machine_evaluate_rows_float64_0a").touch()
    background.begin("float64", NAMES)
    assert [each.seconds / background.SECONDS for each in told] == [2, 2, 1]
    (folder / "machine_predict_rows_float64_0a").touch()
    (folder / "machine_predict_rows_float32_0a.tmp").touch()
    background.begin("float64", NAMES)
    assert len(told) == 3
    background.begin("float32", NAMES)
    assert told[3:] == [(2 * background.SECONDS, True)]


def test_a_cache_where_all_lies_is_read_once(folder, told, monkeypatch):
    for name in NAMES:
        (folder / f"machine_{name}_float64_0a").touch()
    read = []
    titles = disk_cache.titles
    monkeypatch.setattr(disk_cache, "titles", lambda: (read.append(1), titles())[1])
    for _ in range(3):
        background.begin("float64", NAMES)
    assert (told, read) == ([], [1])
    background.begin("float64", NAMES[:1])
    assert (told, read) == ([], [1, 1])
