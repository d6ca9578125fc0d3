"""A table is checked before anything runs: keys, command lines, placeholders, and what goes together."""

from __future__ import annotations

import pytest

from harness.core.errors import UsageError
from harness.ptycho.engines.command.settings import STAGES, read_settings, replaced, words_of

LINE, OBJECT = "mine {fixture} {output}", "{output}/result.npz:object"


def table(**changes: object) -> dict[str, object]:
    return {"reconstruct": LINE, "object": OBJECT, **changes}


def test_command_lines_run_in_one_order_however_they_are_written():
    lines = dict.fromkeys(reversed(STAGES), LINE)
    assert tuple(read_settings("mine", {**lines, "object": OBJECT}).stages) == STAGES


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"trian": LINE}, "unknown field `trian`"),
        ({"time_limit": 0}, "time_limit"),
        ({"time_limit": float("nan")}, "time_limit"),
        ({"time_limit": "45"}, "time_limit"),
        ({"environment": {"A": 1}}, "environment"),
        ({"packages": "numpy"}, "packages"),
        ({"train": ["mine"]}, "train"),
    ],
)
def test_a_key_that_is_unknown_or_of_another_type_is_refused_by_name(changes, found):
    with pytest.raises(UsageError, match=found) as caught:
        read_settings("mine", table(**changes))
    assert "[tool.harness.engines] mine" in caught.value.thing


def test_a_table_without_object_or_without_a_command_line_is_refused():
    with pytest.raises(UsageError, match="missing required field `object`"):
        read_settings("mine", {"reconstruct": LINE})
    with pytest.raises(
        UsageError, match="a command line: prepare, train, infer, reconstruct, export, found none"
    ):
        read_settings("mine", {"object": OBJECT})


@pytest.mark.parametrize(
    "text",
    [
        "{fixtur}",
        "{}",
        "{0}",
        "{fixture.name}",
        "{fixture!r}",
        "{fixture:>9}",
        "{fixture[0]}",
        "{",
        "}",
        "{seed",
    ],
)
@pytest.mark.parametrize("key", ["reconstruct", "object", "environment"])
def test_a_placeholder_that_is_not_one_is_refused_with_the_list(key, text):
    value = {"NAME": text} if key == "environment" else f"{{output}}/mine {text}"
    with pytest.raises(UsageError, match=r"expected one of \{fixture\}, \{output\}") as caught:
        read_settings("mine", table(**{key: value}))
    assert key in caught.value.thing


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("", "a program and its arguments"),
        ("   ", "a program and its arguments"),
        ("'' a", "a program and its arguments"),
        ("mine 'open", "quotes in pairs"),
        ("mine \\", "quotes in pairs"),
        ("mine \0", "null"),
    ],
)
def test_a_command_line_that_cannot_be_run_is_refused(line, found):
    with pytest.raises(UsageError, match=found):
        read_settings("mine", table(reconstruct=line))


@pytest.mark.parametrize("name", ["", "a b", "../x", "a.b", "-x", "a/b", "é"])
def test_a_name_that_no_file_could_have_is_refused(name):
    with pytest.raises(UsageError, match="a name of letters"):
        read_settings(name, table())


@pytest.mark.parametrize("place", ["result.npz:object", "/out/result.npz", "{root}/golden/a.npz:objectGuess"])
def test_an_output_that_is_not_in_the_programs_folder_is_refused(place):
    with pytest.raises(UsageError, match=r"a path that begins with \{output\}/"):
        read_settings("mine", table(object=place))


def test_predict_and_prediction_go_together():
    with pytest.raises(UsageError, match="prediction beside predict"):
        read_settings("mine", table(predict=LINE))
    with pytest.raises(UsageError, match="predict beside prediction"):
        read_settings("mine", table(prediction=OBJECT))


def test_the_control_is_the_same_without_training():
    lines = {"train": "mine 9", "untrained": "mine 0", "export": "mine e", "object": OBJECT}
    settings = read_settings("mine", lines)
    assert settings.untrained_stages == {"untrained": "mine 0", "export": "mine e"}
    assert settings.stages == {"train": "mine 9", "export": "mine e"}
    assert read_settings("mine", table()).untrained_stages == {}
    with pytest.raises(UsageError, match="train beside untrained"):
        read_settings("mine", table(untrained=LINE))


def test_the_start_probe_is_out_of_focus_only_for_a_program_that_can_correct_it():
    assert read_settings("mine", table()).start_defocus == 0
    assert read_settings("mine", table(probe="{output}/result.npz:probe")).start_defocus == 0.3
    assert read_settings("mine", table(defocus=0.1)).start_defocus == 0.1


def test_values_are_put_in_after_a_line_is_split():
    values = {"fixture": "a b's; rm -rf 'x'.npz", "output": "{fixture}"}
    assert words_of("run {fixture} '{output}/x y' --a={fixture}", values) == [
        "run", values["fixture"], "{fixture}/x y", f"--a={values['fixture']}",
    ]  # fmt: skip


def test_what_a_shell_would_do_is_not_done():
    assert words_of("run $HOME ~ * a;b `c` | d > e && f # g", {}) == [
        "run", "$HOME", "~", "*", "a;b", "`c`", "|", "d", ">", "e", "&&", "f", "#", "g",
    ]  # fmt: skip


def test_double_braces_are_braces():
    assert replaced('{{"a": {seed}}}', {"seed": "3"}) == '{"a": 3}'
