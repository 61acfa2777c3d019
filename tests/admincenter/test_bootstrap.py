"""Settings are checked before anything starts; a wrong one is one line with setting, value and rule."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from admincenter import bootstrap
from admincenter.bootstrap import WrongSettingError

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("127.0.0.1:8000", ("127.0.0.1", 8000)),
        ("[::1]:2525", ("::1", 2525)),
        ("192.0.2.1:25", ("192.0.2.1", 25)),
        ("mail.contoso.test:65535", ("mail.contoso.test", 65535)),
        ("localhost:1", ("localhost", 1)),
    ],
)
def test_an_address_is_a_host_and_a_port(value, expected):
    assert bootstrap.host_and_port(value, setting="ADMINCENTER_HTTP") == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        "8000",
        ":8000",
        "127.0.0.1",
        "::1:25",
        "[127.0.0.1]:25",
        "[::1]25",
        "[]:25",
        "a b:25",
        "a:b:25",
        "-a:25",
    ],
)
def test_what_is_no_host_and_port_is_refused_with_an_example(value):
    with pytest.raises(WrongSettingError, match=r"^ADMINCENTER_HTTP=.*: write host:port"):
        bootstrap.host_and_port(value, setting="ADMINCENTER_HTTP")


@pytest.mark.parametrize("port", ["", "0", "65536", "-1", "+1", "1.5", "٣", "9" * 5000, "http"])
def test_a_port_is_a_number_from_1_to_65535(port):
    with pytest.raises(WrongSettingError, match="the port must be a number from 1 to 65535"):
        bootstrap.host_and_port(f"127.0.0.1:{port}", setting="ADMINCENTER_SMTP")


@pytest.mark.parametrize("port", ["", "0", "65536", "-1", "x"])
def test_a_port_alone_is_a_number_too(port):
    assert bootstrap.port_number("443", setting="ADMINCENTER_TESTING_MTA_STS_PORT") == 443
    with pytest.raises(WrongSettingError, match="write a number from 1 to 65535"):
        bootstrap.port_number(port, setting="ADMINCENTER_TESTING_MTA_STS_PORT")


def test_a_number_within_its_bounds_is_taken():
    assert bootstrap.whole_number("30", most=720, setting="ADMINCENTER_IDLE_MINUTES") == 30


@pytest.mark.parametrize("value", ["", "0", "-1", "721", "half", "1.5", "٣", "9" * 5000])
def test_a_number_out_of_its_bounds_is_refused(value):
    with pytest.raises(WrongSettingError, match="write a number from 1 to 720"):
        bootstrap.whole_number(value, most=720, setting="ADMINCENTER_IDLE_MINUTES")


@pytest.mark.parametrize(
    ("value", "expected"), [("e15mb1", "E15MB1"), ("Relay-2", "RELAY-2"), ("a_b", "A_B")]
)
def test_a_server_name_is_kept_in_upper_case(value, expected):
    assert bootstrap.server_name(value, setting="ADMINCENTER_SERVER") == expected


@pytest.mark.parametrize("value", ["", "a b", "a\\b", "-a", "mx.contoso.test", "x" * 64, "naïve"])
def test_a_server_name_that_cannot_stand_in_an_identity_is_refused(value):
    with pytest.raises(WrongSettingError, match="ADMINCENTER_SERVER"):
        bootstrap.server_name(value, setting="ADMINCENTER_SERVER")


def test_a_host_name_is_spoken_in_a_labels():
    assert (
        bootstrap.host_name("Mail.Bücher.example", setting="ADMINCENTER_FQDN") == "mail.xn--bcher-kva.example"
    )


@pytest.mark.parametrize("value", ["mail server", "", "mail\r\nEHLO", "ü" * 300])
def test_what_is_no_host_name_is_refused(value):
    with pytest.raises(bootstrap.WrongSettingError, match="not a host name"):
        bootstrap.host_name(value, setting="ADMINCENTER_FQDN")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("true", True), ("1", True), ("YES", True), ("on", True), ("false", False), ("0", False), ("", False)],
)
def test_a_switch_knows_the_usual_words(value, expected):
    assert bootstrap.switch(value, setting="ADMINCENTER_HTTPS") is expected


def test_a_switch_refuses_a_word_it_does_not_know_instead_of_meaning_no():
    with pytest.raises(WrongSettingError, match="ADMINCENTER_HTTPS=ture: write true or false"):
        bootstrap.switch("ture", setting="ADMINCENTER_HTTPS")


def test_a_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path):
    path = tmp_path / "secret_key"
    first = bootstrap.local_secret(path)
    assert len(first) >= 40
    assert bootstrap.local_secret(path) == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["secret_key"]


def test_the_private_redis_listens_in_the_data_directory():
    assert bootstrap.redis_socket(Path("/srv/mail")) == Path("/srv/mail/redis.sock")


@pytest.mark.parametrize("folder", ["x" * 120, "with space", "naïve", "a+b", "50%"])
def test_a_data_directory_too_long_or_too_odd_for_a_socket_gets_a_short_private_one(folder):
    data_dir = Path("/srv") / folder
    path = bootstrap.redis_socket(data_dir)
    try:
        assert path == bootstrap.redis_socket(data_dir)
        assert path != bootstrap.redis_socket(data_dir / "other")
        assert len(os.fsencode(path)) <= bootstrap.LONGEST_SOCKET_PATH
        assert path.parent.stat().st_mode & 0o777 == 0o700
    finally:
        path.parent.rmdir()
        bootstrap.redis_socket(data_dir / "other").parent.rmdir()


@pytest.mark.parametrize("mischief", ["open", "symlink"])
def test_a_socket_directory_that_is_not_ours_alone_is_refused(tmp_path, mischief):
    data_dir = tmp_path / ("x" * 120)
    folder = bootstrap.redis_socket(data_dir).parent
    try:
        if mischief == "open":
            folder.chmod(0o777)
        else:
            folder.rmdir()
            folder.symlink_to(tmp_path)
        with pytest.raises(WrongSettingError, match="is not a private directory of this user"):
            bootstrap.redis_socket(data_dir)
    finally:
        folder.unlink() if folder.is_symlink() else folder.rmdir()


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("ADMINCENTER_HTTP", "8000", "write host:port"),
        ("ADMINCENTER_SMTP", "127.0.0.1:0", "the port must be a number from 1 to 65535"),
        ("ADMINCENTER_DATA_DIR", "/proc/nowhere", "cannot be made"),
        ("ADMINCENTER_SERVER", "a b", "a server name has"),
        ("ADMINCENTER_RELAY_NETWORKS", "10.0.0.1/8", "has host bits set"),
        ("ADMINCENTER_HTTPS", "maybe", "write true or false"),
        ("ADMINCENTER_LOG_LEVEL", "loud", "use DEBUG, INFO"),
        ("ADMINCENTER_LOG_FORMAT", "xml", "write console or json"),
        ("ADMINCENTER_TIME_ZONE", "Mars/Olympus", "write a name such as UTC"),
        ("ADMINCENTER_SECRET_KEY_FILE", "/nowhere", "the file cannot be read"),
        ("DATABASE_URL", "mysql://host/name", "must start with sqlite:/// or postgres://"),
        ("REDIS_URL", "host:6379", "must start with redis://"),
    ],
)
def test_a_wrong_setting_is_one_line_on_the_console(tmp_path, name, value, sentence):
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "admincenter.settings"}
    environment |= {"ADMINCENTER_DATA_DIR": str(tmp_path), name: value}
    done = subprocess.run(
        [sys.executable, ROOT / "manage.py", "up"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert name in done.stderr
    assert sentence in done.stderr
