"""Export to ELAN: pympi reads back what was shown and answered, to the millisecond."""

from __future__ import annotations

from pathlib import Path

import pytest
from studies import small_study

from classmood.dataset.elan import TIERS, write_elan
from classmood.dataset.folder import read_events


def test_every_event_is_an_annotation_at_its_time(tmp_path: Path) -> None:
    elan = pytest.importorskip("pympi.Elan", reason="the extra [experiment] is not installed")
    dataset = small_study(tmp_path, 2)
    paths = write_elan(dataset, tmp_path / "elan")
    assert write_elan(dataset, tmp_path / "elan") == paths
    assert sorted(path.name for path in (tmp_path / "elan").iterdir()) == ["sub-001.eaf", "sub-002.eaf"]
    eaf = elan.Eaf(str(paths[0]))
    assert set(eaf.get_tier_names()) == set(TIERS)
    events = read_events(dataset, "sub-001")
    shown = sorted(eaf.get_annotation_data_for_tier("shown"))
    assert [(start, end) for start, end, _ in shown] == [
        (round(1000 * e.onset_s), round(1000 * (e.onset_s + e.duration_s))) for e in events
    ]
    scenarios = sorted(eaf.get_annotation_data_for_tier("scenario"))
    first = [event for event in events if event.scenario == scenarios[0][2]]
    assert scenarios[0][:2] == (1000 * first[0].onset_s, 1000 * (first[-1].onset_s + first[-1].duration_s))
    words = " ".join(word for *_, word in eaf.get_annotation_data_for_tier("answers"))
    assert words.count("valence=") == words.count("emotion=") == 4
