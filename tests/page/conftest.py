"""Commands train to their end here, however busy the computer is: without a trainer nobody would play the rest."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backlit.page.session.AT_ONCE", 60.0)
