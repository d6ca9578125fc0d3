"""What a file may unpack to follows from its size."""

from harness.ptycho.files.hdf5.limits import MOST_BYTES, Budget


def test_claims_add_up():
    """Many arrays are as large as one."""
    budget = Budget(1000)
    half = budget.limit // 2
    assert budget.claim(half) == ""
    assert budget.claim(half) == ""
    assert budget.claim(half) == f"{3 * half} bytes in a file of 1000"


def test_a_small_file_may_become_256_mib():
    """As an archive may; real data compress less."""
    assert Budget(0).claim(1 << 28) == ""
    assert Budget(0).claim((1 << 28) + 1)


def test_a_byte_may_become_32():
    assert Budget(1 << 20).claim((32 << 20) + (1 << 28)) == ""
    assert Budget(1 << 20).claim((33 << 20) + (1 << 28))


def test_no_file_may_fill_the_memory():
    assert Budget(1 << 40).limit == MOST_BYTES
