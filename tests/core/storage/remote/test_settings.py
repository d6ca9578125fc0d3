"""Which store a project has: one key in pyproject.toml, and never a credential in it."""

from __future__ import annotations

import pytest

from harness.core.domain.settings import project_domain
from harness.core.errors import DependencyError, UsageError
from harness.core.storage.project import Project
from harness.core.storage.remote.kinds import loop
from harness.core.storage.remote.kinds.folder import Folder
from harness.core.storage.remote.settings import find_store, require_store_url


def project_with(tmp_path, table):
    (tmp_path / "pyproject.toml").write_text(f"[tool.harness]\n{table}\n")
    return Project(tmp_path)


@pytest.mark.parametrize("text", [None, "", "[tool.harness]\n", "[tool.other]\nstore = 1\n", "store = 1\n"])
def test_a_project_may_have_none(tmp_path, text):
    if text is not None:
        (tmp_path / "pyproject.toml").write_text(text)
    assert find_store(Project(tmp_path)) is None


@pytest.mark.parametrize(
    "url", ["data", "./data", "data/", "file://{root}/data", "{root}/data", "local://{root}/data"]
)
def test_a_directory_needs_no_package(tmp_path, url):
    """Relative paths begin at the project."""
    store = find_store(project_with(tmp_path, f'store = "{url.format(root=tmp_path)}"'))
    assert isinstance(store.access, Folder)
    store.prepare()
    assert (tmp_path / "data").is_dir()


def test_other_keys_of_the_table_are_known_beside_it(tmp_path):
    """And the store is one of those that the project may set."""
    project = project_with(tmp_path, 'store = "data"\nstore_timeout = 2.5\nsources = ["x"]')
    assert find_store(project).patience.timeout == 2.5
    assert find_store(project, timeout=7).patience.timeout == 7
    assert project_domain(tmp_path) is not None


@pytest.mark.parametrize("value", ["0", "-1", "true", '"10"', "1e9", "nan"])
def test_a_timeout_is_seconds(tmp_path, value):
    with pytest.raises(UsageError, match=r"store_timeout: expected seconds, more than 0 and at most 3600"):
        find_store(project_with(tmp_path, f'store = "data"\nstore_timeout = {value}'))


SECRET = "sesame-open-sesame"  # noqa: S105 - of nothing


@pytest.mark.parametrize(
    "url",
    [
        f"s3://key:{SECRET}@bucket/prefix",
        f"s3://{SECRET}@bucket",
        f"https://user:{SECRET}@host/x",
        f"https://{SECRET}@host/x",
        f"ssh://user:{SECRET}@host/x",
        f"ftp://user:{SECRET}@host/x",
        f"abfs://container:{SECRET}@account/x",
        f"https://host/x?token={SECRET}",
        f"https://host/x?X-Amz-Signature={SECRET}",
        f"s3://bucket/x?{SECRET}",
        f"https://host/x#{SECRET}",
        f"simplecache::https://user:{SECRET}@host",
        f"S3://key:{SECRET}@bucket/prefix",
        f"s3:key:{SECRET}@bucket",
        f"https:user:{SECRET}@host",
        f"https://user:{SECRET}@[host/x",
    ],
)
def test_a_url_with_credentials_is_refused_and_not_shown(tmp_path, url):
    with pytest.raises(UsageError, match=r"\[tool.harness\] store: expected") as caught:
        find_store(project_with(tmp_path, f'store = "{url}"'))
    assert SECRET not in str(caught.value)
    assert SECRET not in str(vars(caught.value))


@pytest.mark.parametrize(
    "value", ["1", "true", '""', '"  "', "[]", '["s3://a"]', '"a\\u001b"', '"s3://"', '"s3:///x"']
)
def test_what_is_not_a_url_is_refused(tmp_path, value):
    with pytest.raises(UsageError, match=r"\[tool.harness\] store: expected"):
        find_store(project_with(tmp_path, f"store = {value}"))


@pytest.mark.parametrize(
    "url", ["abfs://container@account/x", "ssh://user@host/x", "s3://bucket", "gs://b/p", "https://h/p"]
)
def test_what_is_not_secret_is_kept(url):
    assert require_store_url(f"{url}/") == url


def test_a_file_that_is_not_toml_is_named(tmp_path):
    (tmp_path / "pyproject.toml").write_text("store = [")
    with pytest.raises(UsageError, match=r"pyproject\.toml: expected a TOML document"):
        find_store(Project(tmp_path))


@pytest.mark.parametrize(("url", "extra"), [("s3://bucket", "s3"), ("https://host/x", "stores")])
def test_a_missing_extra_is_named(tmp_path, monkeypatch, url, extra):
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)
    with pytest.raises(DependencyError, match=rf"pip install 'golden-harness\[{extra}\]'") as caught:
        find_store(project_with(tmp_path, f'store = "{url}"'))
    assert caught.value.exit_code == 2


def test_settings_that_a_file_system_refuses_are_named(tmp_path, monkeypatch):
    config = pytest.importorskip("fsspec.config", reason="the extra stores is not installed")
    pytest.importorskip("s3fs", reason="the extra s3 is not installed")
    monkeypatch.setitem(config.conf, "s3", {"max_concurrency": 0})
    with pytest.raises(UsageError, match=r"settings of fsspec that its file system accepts.*max_concurrency"):
        find_store(project_with(tmp_path, 'store = "s3://bucket"'))
    assert loop.own_settings("s3", "nothing") == {}
