"""Clean runs raise no alarm on valid data, and raise one when something is wrong."""

from __future__ import annotations

from dataclasses import replace

from harness.core.domain.catalogue import find_catalogue
from harness.core.sensitivity.clean_runs import CleanRun, plan_clean_runs, run_clean, specimen_from_file


def test_clean_runs_take_specimens_first_then_the_golden_fixture(subject):
    specimens = find_catalogue(subject.root).load_specimens()
    found = list(plan_clean_runs(subject, specimens, 5))
    assert [clean.specimen for clean in found] == ["second", "", "", ""]
    assert [clean.threads for clean in found[1:]] == [1, 2, 1]
    assert sum(clean.repetitions for clean in found) == 5


def test_specimens_that_only_checks_look_at_come_first_and_count_once(subject):
    """However few repetitions are asked for; no pipeline runs on them."""
    specimens = find_catalogue(subject.root).load_specimens()
    checked = tuple(replace(specimens[0], name=name, checks_only=True) for name in ("one", "two"))
    found = list(plan_clean_runs(subject, (*specimens, *checked), 5))
    assert [clean.specimen for clean in found] == ["one", "two", "second", ""]
    assert [clean.repetitions for clean in found] == [1, 1, 2, 1]
    assert [clean.specimen for clean in plan_clean_runs(subject, (*specimens, *checked), 1)] == ["one"]


def test_a_specimen_that_only_checks_look_at_is_made_twice_and_checked(subject, field, monkeypatch):
    monkeypatch.setattr(field, "SPECIMENS", (replace(field.SPECIMENS[0], checks_only=True),))
    (repetition,) = run_clean(CleanRun(subject, 0, "", specimen="second"))
    assert [found.check for found in repetition.detections] == ["positive", "digest", "comparison"]
    assert repetition.false_alarms == ()
    monkeypatch.setattr(field, "positive", lambda _: field.CheckReport("positive", (field.Finding(*"abcd"),)))
    (repetition,) = run_clean(CleanRun(subject, 0, "", specimen="second"))
    assert [alarm.check for alarm in repetition.false_alarms] == ["positive"]


def test_clean_data_and_pipelines_raise_no_alarm(subject):
    for clean in plan_clean_runs(subject, find_catalogue(subject.root).load_specimens(), 4):
        repetitions = run_clean(clean)
        assert len(repetitions) == clean.repetitions
        assert [repetition.false_alarms for repetition in repetitions] == [()] * clean.repetitions
        ran = {found.check for repetition in repetitions for found in repetition.detections}
        assert {"positive", "digest", "comparison", "smooth metrics"} <= ran
        assert clean.specimen or {"registry", "audit"} <= ran


def test_a_pipeline_that_changed_is_an_alarm(subject, field, monkeypatch):
    """The count is not always zero: metrics outside the baseline are reported."""
    monkeypatch.setattr(field.smooth, "__kwdefaults__", field.smooth.__kwdefaults__ | {"mean": min})
    (repetition,) = run_clean(CleanRun(subject, 0, "smooth"))
    assert [alarm.check for alarm in repetition.false_alarms] == ["smooth metrics"]


def test_a_generator_that_makes_other_arrays_is_an_alarm(subject, field, monkeypatch):
    changed = field.lattice(seed=1)
    monkeypatch.setattr(field, "lattice", lambda *, size=64, seed=0: changed)  # noqa: ARG005
    (repetition,) = run_clean(CleanRun(subject, 0, "smooth"))
    assert [alarm.check for alarm in repetition.false_alarms] == ["digest", "comparison"]


def test_a_check_that_fails_on_last_bit_noise_is_an_alarm(subject, field, monkeypatch):
    golden = field.lattice().arrays["image"]
    finding = field.Finding("positive", "image", "these very numbers", "others")

    def exact(arrays):
        wrong = (arrays["image"] != golden).any()
        return field.CheckReport("positive", (finding,) if wrong else ())

    monkeypatch.setattr(field, "positive", exact)
    (repetition,) = run_clean(CleanRun(subject, 0, "smooth"))
    assert [alarm.check for alarm in repetition.false_alarms] == ["positive"]


def test_a_damaged_repository_is_an_alarm(subject):
    """Verify and audit run too: here they find an unregistered golden file."""
    (subject.root / "golden" / "stranger.npz").write_bytes(b"")
    (repetition,) = run_clean(CleanRun(subject, 0, "smooth"))
    assert "registry" in [alarm.check for alarm in repetition.false_alarms]


def test_a_dataset_in_a_file_is_a_specimen_too(subject, tmp_path):
    path = tmp_path / "made" / "lattice.npz"
    (clean,) = plan_clean_runs(subject, (specimen_from_file(path),), 2)
    repetitions = run_clean(clean)
    assert [len(repetition.false_alarms) for repetition in repetitions] == [0, 0]
    assert str(path) in repetitions[0].name


def test_a_specimen_that_cannot_be_made_is_an_alarm(subject, tmp_path):
    (repetition,) = run_clean(CleanRun(subject, 0, "smooth", specimen=str(tmp_path / "none.npz")))
    assert [alarm.check for alarm in repetition.false_alarms] == ["generator"]


def test_without_pipelines_there_is_no_clean_run(subject):
    assert list(plan_clean_runs(replace(subject, pipelines=()), (), 5)) == []
