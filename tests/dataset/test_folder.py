"""Writing a dataset: what goes in comes out, what may not go in is refused, and who is erased leaves no byte."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from studies import participant_of, protocol_file, small_study

from classmood.dataset.checker import find_faults
from classmood.dataset.folder import (
    add_participant,
    create_dataset,
    erase_participant,
    read_events,
    read_self_reports_of,
    read_table,
)
from classmood.errors import InputError, OutputError
from classmood.learning.simulation import simulate_study
from classmood.selfreport import RATED


def test_answers_come_out_as_they_went_in(tmp_path: Path) -> None:
    dataset = small_study(tmp_path)
    simulated = simulate_study(3, seed=1)
    found = read_self_reports_of(dataset)
    assert len(found) == 12
    for i in range(len(found)):
        row = next(
            k
            for k in range(len(simulated))
            if (simulated.participant[k][1:], simulated.scenario[k]) == (found.participant[i][4:], found.scenario[i])
        )
        np.testing.assert_array_equal(found.ratings[i], simulated.ratings[row])
        assert (found.emotion[i], found.evokes[i]) == (simulated.emotion[row], simulated.evokes[row])
        assert found.score[i] == simulated.score[row]
    assert len(RATED) == found.ratings.shape[1]


def test_events_keep_both_clocks_and_the_order_of_time(tmp_path: Path) -> None:
    dataset = small_study(tmp_path, 1)
    events = read_events(dataset, "sub-001")
    assert [event.onset_s for event in events] == sorted(event.onset_s for event in events)
    assert all(event.browser_onset_s == pytest.approx(event.onset_s + 0.004) for event in events)
    assert events[-1].trial_type == "repair"


def test_checksums_are_what_sha256sum_checks(tmp_path: Path) -> None:
    dataset = small_study(tmp_path)
    result = subprocess.run(
        ["sha256sum", "--check", "--quiet", "checksums.sha256"],
        cwd=dataset,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_same_id_or_number_twice_is_refused(tmp_path: Path) -> None:
    dataset = small_study(tmp_path, 2)
    protocol, reports = tmp_path / "study.toml", simulate_study(3, seed=1)
    with pytest.raises(InputError, match="sub-002: is in the dataset already"):
        add_participant(dataset, participant_of(protocol, 3, reports, id="sub-002"))
    with pytest.raises(InputError, match="the number 1 is taken"):
        add_participant(dataset, participant_of(protocol, 1, reports, id="sub-009"))
    with pytest.raises(InputError, match="expected an id such as sub-001"):
        add_participant(dataset, participant_of(protocol, 3, reports, id="../evil"))
    assert len(read_table(dataset / "participants.tsv")) == 2


@pytest.mark.parametrize(
    ("allowed", "agreed", "kind", "said"),
    [
        ("none", "video", "video", "the protocol does not allow"),
        ("features", "video", "video", "the protocol does not allow"),
        ("video", "none", "video", "they did not agree to"),
        ("video", "features", "video", "they did not agree to"),
        ("video", "features", "features", ""),
        ("video", "video", "video", ""),
        ("features", "none", "features", "they did not agree to"),
    ],
)
def test_a_recording_needs_the_protocol_and_the_participant(
    tmp_path: Path, allowed: str, agreed: str, kind: str, said: str
) -> None:
    protocol = protocol_file(tmp_path, recording=allowed)
    create_dataset(tmp_path / "study", protocol)
    media = tmp_path / ("clip.webm" if kind == "video" else "timeline.csv")
    media.write_bytes(b"content")
    person = participant_of(protocol, 1, simulate_study(1, seed=1), recording=agreed, media={kind: media})
    if said:
        with pytest.raises(InputError, match=said):
            add_participant(tmp_path / "study", person)
        assert not list((tmp_path / "study").glob("sub-*"))
    else:
        add_participant(tmp_path / "study", person)
        assert find_faults(tmp_path / "study") == ()


def test_without_consent_nothing_is_written(tmp_path: Path) -> None:
    dataset = small_study(tmp_path, 1)
    person = participant_of(tmp_path / "study.toml", 2, simulate_study(2, seed=1), consent="")
    with pytest.raises(InputError, match="no consent is on file"):
        add_participant(dataset, person)
    assert not (dataset / "sub-002").exists()


def test_who_is_erased_leaves_no_byte(tmp_path: Path) -> None:
    dataset = small_study(tmp_path, 3)
    erase_participant(dataset, "sub-002")
    assert not list(dataset.rglob("*sub-002*"))
    left = b"".join(path.read_bytes() for path in dataset.rglob("*") if path.is_file())
    assert b"sub-002" not in left
    assert b"receipt-2" not in left
    assert find_faults(dataset) == ()
    with pytest.raises(InputError, match="there is no participant 'sub-002'"):
        erase_participant(dataset, "sub-002")
    with pytest.raises(InputError, match="there is no participant"):
        erase_participant(dataset, "../study")


def test_what_a_killed_export_left_of_somebody_is_erased_too(tmp_path: Path) -> None:
    dataset = small_study(tmp_path, 1)
    (dataset / ".sub-007").mkdir()
    (dataset / ".sub-007" / "sub-007_video.webm").write_bytes(b"a face")
    erase_participant(dataset, "sub-007")
    assert not (dataset / ".sub-007").exists()
    assert find_faults(dataset) == ()


def test_what_a_kill_left_half_written_is_written_over(tmp_path: Path) -> None:
    dataset = small_study(tmp_path, 1)
    for name in (".sub-002", "sub-002"):
        (dataset / name).mkdir()
        (dataset / name / "half").write_text("half", encoding="utf-8")
    assert any("no row in participants.tsv" in fault.message for fault in find_faults(dataset))
    add_participant(dataset, participant_of(tmp_path / "study.toml", 2, simulate_study(2, seed=1)))
    assert find_faults(dataset) == ()
    assert not (dataset / ".sub-002").exists()


def test_a_folder_that_holds_something_is_not_begun_anew(tmp_path: Path) -> None:
    dataset = small_study(tmp_path, 1)
    with pytest.raises(OutputError, match="holds files already"):
        create_dataset(dataset, tmp_path / "study.toml")
