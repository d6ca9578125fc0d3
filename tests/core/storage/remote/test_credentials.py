"""No credential is printed or written, by any command, even if the store repeats all that it is sent."""

from __future__ import annotations

import os
import subprocess

import pytest

pytest.importorskip("s3fs", reason="s3 needs the extra s3")

from stores.faulty_web import faulty_web
from stores.s3_servers import SECRET, credentials

from harness.core.recording.commit import commit
from harness.core.recording.plan import plan
from harness.core.recording.staged import Staged
from harness.core.storage.project import Project

TOKEN, KEY = "SECRETSESSIONTOKEN", "AKIASECRETEXAMPLE"
COMMANDS = [("verify",), ("verify", "--json"), ("push",), ("fetch",), ("gc", "--dry-run")]


def echo(handler, _data):
    """Answer with all that was sent, in every place that a message may come from."""
    sent = " ".join(value.replace("<", "") for value in handler.headers.values())
    sent += f" {SECRET} https://{KEY}:{SECRET}@host/?X-Amz-Signature={SECRET}&X-Amz-Security-Token={TOKEN}"
    code = sent.split("Credential=")[-1][:40]
    text = f"<Error><Code>{code}</Code><Message>{sent.replace('&', '')}</Message></Error>"
    handler.answer(403, text.encode(), {"Content-Type": f"application/xml; {KEY}", "ETag": f'"{KEY}"'})


@pytest.fixture
def project(tmp_path):
    """A repository with two golden files, one of which is not in the work tree."""
    root = tmp_path / "project"
    (root / "staged").mkdir(parents=True)
    (root / "pyproject.toml").write_text("[tool.harness]\nstore_timeout = 2\n")
    staged = []
    for name in ("here", "away"):
        path = root / "staged" / f"{name}.txt"
        path.write_text(name)
        staged.append(Staged(f"golden/{name}.txt", "file", path))
    commit(Project(root), plan(Project(root), staged), reason="first", command="pytest")
    (root / "golden/away.txt").unlink()
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(root)]
    for call in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *call], check=True)
    return root


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_store_that_repeats_what_it_is_sent(project, run_harness, command):
    """Keys and tokens are in headers, so that they come back; the secret is in the answer anyway."""
    (project / "pyproject.toml").write_text('[tool.harness]\nstore = "s3://golden/here"\nstore_timeout = 2\n')
    with faulty_web() as web:
        web.always = echo
        variables = {**os.environ, **credentials(web.url, KEY), "AWS_SESSION_TOKEN": TOKEN}
        done = run_harness(*command, cwd=project, env=variables)
        assert any(TOKEN in str(asked.headers) for asked in web.asked)
    assert done.code == 2
    found = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    for secret in (SECRET, TOKEN, KEY, "X-Amz-Signature"):
        assert secret not in done.out + done.err
        assert [path for path, data in found.items() if secret.encode() in data] == []


@pytest.mark.parametrize("command", COMMANDS[1:4], ids=" ".join)
def test_a_url_with_credentials(project, run_harness, command):
    """It is refused, and what it has is not shown. It stays where the user wrote it."""
    text = f'[tool.harness]\nstore = "s3://{KEY}:{SECRET}@golden/here?X-Amz-Signature={TOKEN}"\n'
    (project / "pyproject.toml").write_text(text)
    done = run_harness(*command, cwd=project)
    assert done.code == 2
    (project / "pyproject.toml").unlink()
    found = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    for secret in (SECRET, TOKEN, KEY):
        assert secret not in done.out + done.err
        assert [path for path, data in found.items() if secret.encode() in data] == []
