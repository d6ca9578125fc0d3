"""Results of a real cluster are those of this process, whatever happens to its workers and its scheduler."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time

import pytest
from loopback_cluster import Cluster, another_numpy, wait_for, without_harness

pytest.importorskip("distributed", reason="distributed is not installed: the extra `dask` brings it")

from harness.core.domain.references import load_reference
from harness.core.errors import HarnessError, RefusedError, UnreadableError, UsageError
from harness.core.storage.project import require_inner
from harness.core.system.executors.dask_cluster import DaskExecutor
from harness.core.system.executors.interface import run_in_order
from harness.core.system.executors.local import LocalExecutor

# To load a reference imports its module: that is how these tests have a worker do anything at all.
MODULES = {
    "quick": "V = 'quick'",
    "noted": "import os; open('noted', 'a').write(f'{os.getppid()}\\n'); V = os.getppid()",
    "slow": """
import os, time
open("begun", "a").write(f"{os.getpid()} {os.getppid()}\\n")
time.sleep(float(os.environ.get("SLOW", "0.5")))
V = os.getppid()
""",
    "endless": """
import os, time
open("begun", "a").write(f"{os.getpid()} {os.getppid()}\\n")
while True:
    time.sleep(0.1)
""",
    "killing": "import os, signal; os.kill(os.getppid(), signal.SIGKILL)",
    "ending": "import os; os._exit(3)",
    "bug": "raise KeyError('lens')",
    "variables": "import os; V = [os.environ.get(n) for n in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'SLOW')]",
    "printing": "print('a line of the code'); V = 1",
}

# The scheduler and its workers end quickly, and so does the wait for them.
SETTINGS = {
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "10s",
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The current directory, with modules that other processes can import; short time limits."""
    import dask

    for name, text in MODULES.items():
        for number in ("", *range(10)):  # a process imports a module once
            (tmp_path / f"{name}{number}.py").write_text(f"{text}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with dask.config.set({"distributed.comm.timeouts.connect": "10s"}):
        yield tmp_path


@pytest.fixture
def cluster(place):
    """A scheduler without workers."""
    started = Cluster(place / "cluster", **SETTINGS)
    yield started
    started.close()


@pytest.fixture(scope="module")
def steady(tmp_path_factory):
    """A cluster with two workers that no test harms."""
    started = Cluster(tmp_path_factory.mktemp("steady"), **SETTINGS)
    for _ in range(2):
        started.add_worker()
    yield started
    started.close()


def load(cluster, *names, **options) -> list[object]:
    said = options.pop("said", [])
    executor = DaskExecutor(cluster.address, say=said.append)
    return run_in_order(executor, load_reference, [f"{name}:V" for name in names], **options)


def several(name: str, count: int) -> list[str]:
    """Return names of modules that do the same."""
    return [f"{name}{number}" for number in range(count)]


def begun() -> list[tuple[int, int]]:
    """Return the processes of ``slow`` and ``endless`` that have begun, each with its worker's."""
    try:
        with open("begun", encoding="utf-8") as file:  # noqa: PTH123 - of the current directory
            return [tuple(map(int, line.split())) for line in file if line.endswith("\n")]
    except FileNotFoundError:
        return []


def when(is_so, act) -> threading.Thread:
    """Do something in a thread as soon as a condition holds."""

    def wait() -> None:
        wait_for(is_so, "the work begins")
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


# What is the same as in processes here


def test_every_item_gives_its_index_and_result(place, steady):
    paths = ["a/b", "c", "golden/d.npz"]
    here = run_in_order(LocalExecutor(), require_inner, paths)
    assert run_in_order(DaskExecutor(steady.address), require_inner, paths) == here


def test_no_items_need_no_cluster():
    assert list(DaskExecutor("tcp://127.0.0.1:1").run(load_reference, [])) == []


def test_an_error_arrives_with_its_class_and_its_parts(place, steady):
    with pytest.raises(HarnessError, match="outside") as here:
        require_inner("../outside")
    with pytest.raises(type(here.value)) as there:
        run_in_order(DaskExecutor(steady.address), require_inner, ["inside", "../outside"])
    assert type(there.value) is type(here.value) is RefusedError
    assert vars(there.value) == vars(here.value)
    assert str(there.value) == str(here.value)


def test_an_error_of_the_projects_code_has_its_traceback(place, steady):
    from harness.core.domain.crash import describe_crash

    with pytest.raises(KeyError, match="lens") as caught:
        load(steady, "bug")
    error = caught.value.with_traceback(None)  # of which this test is a part
    assert "bug.py, line 1" in describe_crash(error).message


def test_a_task_has_the_settings_of_where_it_was_submitted(place, steady, monkeypatch):
    """Dask sets some in its workers; other variables are the worker's own."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "3")
    monkeypatch.setenv("SLOW", "0")
    assert load(steady, "variables") == [[None, "3", None]]


def test_what_a_task_prints_is_in_the_workers_log(place, steady, capfd):
    assert load(steady, "printing") == [1]
    assert capfd.readouterr() == ("", "")
    assert any("a line of the code" in log.read_text() for log in steady.folder.glob("*.log"))


@pytest.mark.parametrize("call", [str.upper, os.getpid, lambda item: item], ids=["method", "os", "lambda"])
def test_only_functions_of_this_package_are_sent(call):
    with pytest.raises(TypeError, match="not a function at module level of harness"):
        list(DaskExecutor("tcp://127.0.0.1:1").run(call, ["a"]))


# Workers that are slow, die, or are not like this machine


def test_the_work_of_a_worker_that_is_killed_is_done_by_another(place, cluster):
    """Each item has one result, from the worker that is left."""
    killed, left = cluster.add_worker(), cluster.add_worker()
    thread = when(lambda: killed.process.pid in {worker for _, worker in begun()}, killed.kill)
    seen = []
    found = load(
        cluster, *several("slow", 6), on_result=lambda index, _result, done: seen.append((index, done))
    )
    thread.join()
    assert killed.process.pid in {worker for _, worker in begun()}
    assert set(found) <= {killed.process.pid, left.process.pid}
    assert left.process.pid in found
    assert sorted(index for index, _ in seen) == list(range(6))
    assert [done for _, done in seen] == list(range(1, 7))


def test_the_processes_of_a_worker_that_is_killed_end_with_it(place, cluster):
    killed = cluster.add_worker()
    thread = when(begun, killed.kill)
    with pytest.raises(HarnessError, match="all workers of the Dask cluster"):
        load(cluster, "endless")
    thread.join()
    ((child, _),) = begun()
    wait_for(lambda: not is_running(child), "the child ends with its worker")


def test_a_slow_worker_does_what_it_can(place, cluster):
    slow, fast = cluster.add_worker(SLOW="3"), cluster.add_worker(SLOW="0.01")
    found = load(cluster, *several("slow", 8))
    assert found.count(fast.process.pid) > found.count(slow.process.pid)
    assert len(begun()) == 8


def test_a_worker_with_another_numpy_is_named_and_does_nothing(place, cluster):
    other, same = cluster.add_worker(**another_numpy(place)), cluster.add_worker()
    said = []
    found = load(cluster, *several("noted", 6), said=said)
    assert set(found) == {same.process.pid}
    assert (place / "noted").read_text().split() == [str(same.process.pid)] * 6
    (line,) = said
    assert line.startswith(f"worker {other.address} differs: numpy 1.99.0 (")
    assert line.endswith(" here); others do its work")


def test_results_of_another_numpy_are_kept_apart_if_they_are_wanted(place, cluster):
    """Each item has its own result too, from a worker like this machine."""
    other, same = cluster.add_worker(**another_numpy(place)), cluster.add_worker()
    apart = []
    found = load(cluster, *several("slow", 4), apart=apart.append)
    assert set(found) == {same.process.pid}
    assert {(one.worker, one.result) for one in apart} == {(other.address, other.process.pid)}
    assert {one.environment["numpy"] for one in apart} == {"1.99.0"}
    assert len({one.index for one in apart}) == len(apart)


def test_a_cluster_of_which_no_worker_is_like_this_machine_is_an_error(place, cluster):
    others = [cluster.add_worker(**another_numpy(place)) for _ in range(2)]
    with pytest.raises(HarnessError, match="no worker of the Dask cluster has the environment") as caught:
        load(cluster, *several("noted", 2))
    assert all(other.address in str(caught.value) for other in others)
    assert "numpy 1.99.0" in str(caught.value)
    assert caught.value.exit_code == 2
    assert not (place / "noted").exists()


def test_a_worker_without_this_package_is_named(place, cluster):
    other, same = cluster.add_worker(**without_harness(place)), cluster.add_worker()
    said = []
    assert load(cluster, *several("slow", 4), said=said) == [same.process.pid] * 4
    assert len(said) == 1
    assert said[0].startswith(f"worker {other.address} differs: it cannot import harness: ")


def test_a_worker_that_does_not_see_the_directory_is_named(place, cluster):
    """As without a shared file system: there, another one is mounted above the directory."""
    hidden = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(place))
    if subprocess.run([*hidden, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this user may not mount anything")
    other, same = cluster.add_worker(within=hidden), cluster.add_worker()
    (place / "own").mkdir()
    os.chdir(place / "own")
    said = []
    assert set(load(cluster, *several("slow", 4), said=said)) == {same.process.pid}
    assert said == [f"worker {other.address} differs: it does not see {place / 'own'}; others do its work"]


def test_a_project_that_differs_there_is_named(place, cluster, monkeypatch):
    """As on another file system under the same path."""
    from harness.core.system.executors import dask_cluster

    worker = cluster.add_worker()
    (place / "registry.json").write_text("{}")
    known = dask_cluster.identity
    monkeypatch.setattr(
        dask_cluster,
        "identity",
        lambda *where: {**known(*where), "code of the project": "dirHash:" + "0" * 64},
    )
    with pytest.raises(HarnessError, match="code of the project dirHash:") as caught:
        list(DaskExecutor(cluster.address, root=place).run(load_reference, ["noted:V"]))
    assert worker.address in str(caught.value)
    assert not (place / "noted").exists()


def test_an_item_that_kills_every_worker_is_named(place, cluster):
    for _ in range(3):
        cluster.add_worker()
    with pytest.raises(HarnessError, match="killing:V: each worker that it was given to ended") as caught:
        load(cluster, "killing")
    assert caught.value.exit_code == 2


def test_a_cluster_whose_workers_all_end_is_an_error_that_names_the_items(place, cluster):
    cluster.add_worker()
    with pytest.raises(HarnessError, match=r"all workers of the Dask cluster .* have ended.*killing:V"):
        load(cluster, "killing")


def test_a_process_that_ends_is_reported_as_its_item(place, steady):
    with pytest.raises(HarnessError, match=r"ending:V: its process on worker .* ended with exit code 3"):
        load(steady, "ending")


def test_a_cluster_without_workers_is_an_error(place, cluster):
    with pytest.raises(HarnessError, match="has had no workers for 10 s"):
        load(cluster, "quick")


# Schedulers that end, do not answer, or are none


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP])
def test_a_scheduler_that_ends_or_hangs_is_an_error(place, cluster, number, capfd):
    cluster.add_worker()
    thread = when(begun, lambda: cluster.scheduler.send_signal(number))
    start = time.monotonic()
    with pytest.raises(UnreadableError, match=r"the Dask scheduler at .* stopped before all work was done"):
        load(cluster, "slow", "endless")
    thread.join()
    assert time.monotonic() - start < 40
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("address", "kind", "text"),
    [
        ("tcp://127.0.0.1:1", UnreadableError, "cannot connect to a Dask scheduler at tcp://127.0.0.1:1"),
        ("tcp://no-host.invalid:8786", UnreadableError, "cannot connect to a Dask scheduler"),
        ("127.0.0.1:99999", UnreadableError, "cannot connect to a Dask scheduler"),
        ("localhost", UsageError, "--dask localhost is not the address of a Dask scheduler"),
        ("http://127.0.0.1:8786", UsageError, "unknown address scheme 'http'"),
        ("tcp://127.0.0.1:port", UsageError, "is not the address"),
        ("tls://127.0.0.1:8786", UsageError, "is not the address"),
    ],
)
def test_a_wrong_address_is_an_error(place, address, kind, text, capfd):
    import dask

    with dask.config.set({"distributed.comm.timeouts.connect": "1s"}), pytest.raises(kind) as caught:
        list(DaskExecutor(address).run(load_reference, ["quick:V"]))
    assert text in str(caught.value)
    assert caught.value.exit_code == 2
    assert capfd.readouterr() == ("", "")


def test_the_address_of_a_worker_is_an_error(place, steady):
    log = next(log for log in steady.folder.glob("*.log") if "Start worker at" in log.read_text())
    address = log.read_text().partition("Start worker at:")[2].split()[0]
    with pytest.raises(UsageError, match="a Worker answers there"):
        list(DaskExecutor(address).run(load_reference, ["quick:V"]))


# What is left


def test_nothing_is_left_on_the_scheduler(place, steady):
    load(steady, *several("quick", 2))
    assert steady.tasks() == []


def test_work_that_is_not_wanted_any_more_is_stopped(place, steady):
    """As after Ctrl-C: the first error ends the run, and what another worker does ends with it."""

    def stop(_index, _result, _done):
        wait_for(begun, "the other item begins")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(steady, "endless", "quick", on_result=stop)
    ((child, _),) = begun()
    wait_for(lambda: not is_running(child), "the child is stopped")
    assert steady.tasks() == []


def is_running(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
