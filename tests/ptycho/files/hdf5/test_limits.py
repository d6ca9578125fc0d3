"""What a file may unpack to follows from its size."""

from harness.ptycho.files.hdf5.limits import ALWAYS, MOST_BYTES, Budget


def test_claims_add_up():
    """Many arrays are as large as one."""
    budget = Budget(1000)
    half = budget.limit // 16
    assert budget.claim(half, 8) == ""
    assert budget.claim(half, 8) == ""
    assert budget.claim(half, 8) == f"{3 * half} values in a file of 1000 bytes"


def test_small_numbers_are_counted_in_double_precision():
    """That is what becomes of them: a byte of a detector takes eight."""
    assert Budget(0).claim(ALWAYS // 8, 1) == ""
    assert Budget(0).claim(ALWAYS // 8 + 1, 1)
    assert Budget(0).claim(ALWAYS // 16, 16) == ""
    assert Budget(0).claim(ALWAYS // 16 + 1, 16)


def test_a_byte_may_become_128():
    assert Budget(1 << 20).claim((ALWAYS + (128 << 20)) // 8, 8) == ""
    assert Budget(1 << 20).claim((ALWAYS + (129 << 20)) // 8, 8)


def test_no_file_may_fill_the_memory():
    assert Budget(1 << 40).limit == MOST_BYTES
