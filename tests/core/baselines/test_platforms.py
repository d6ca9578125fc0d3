"""A platform is what changes the last bits; settings of one run do not make another one."""

from __future__ import annotations

from harness.core.baselines.platforms import platform_of, variables_of
from harness.core.system.environment import fingerprint


def test_settings_of_kernels_are_not_part_of_a_platform():
    plain = fingerprint()
    assert platform_of(plain) == platform_of({**plain, "OMP_NUM_THREADS": "7"})
    assert variables_of({**plain, "OMP_NUM_THREADS": "7"})["OMP_NUM_THREADS"] == "7"


def test_another_library_is_another_platform():
    plain = fingerprint()
    other = platform_of({**plain, "numpy": "1.0"})
    assert platform_of(plain).digest != other.digest
    assert "numpy 1.0" in str(other)


def test_libraries_that_are_not_installed_are_left_out():
    assert platform_of({"platform": "Darwin arm64", "cpu": "arm64", "torch": "none"}).libraries == {}
