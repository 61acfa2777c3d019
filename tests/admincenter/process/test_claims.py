"""Nobody starts on what another one uses."""

import os
import socket
import subprocess
import sys

import pytest

from admincenter.bootstrap import WrongSettingError
from admincenter.process import claims


def test_a_data_directory_is_claimed_once(tmp_path):
    lock = claims.claim_data_directory(tmp_path)
    with pytest.raises(WrongSettingError, match=rf"already runs on .* \(process {os.getpid()}\)"):
        claims.claim_data_directory(tmp_path)
    os.close(lock)
    os.close(claims.claim_data_directory(tmp_path))


def test_a_child_does_not_keep_the_data_directory_of_its_dead_parent(tmp_path):
    lock = claims.claim_data_directory(tmp_path)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        os.close(lock)
        os.close(claims.claim_data_directory(tmp_path))
        child.stdin.close()
        child.kill()


def test_a_free_address_stays_free(free_port):
    address = f"127.0.0.1:{free_port}"
    claims.check_address_free(address, setting="ADMINCENTER_HTTP")
    claims.check_address_free(address, setting="ADMINCENTER_HTTP")


def test_an_address_that_a_client_just_left_is_free():
    """Connections in TIME_WAIT do not keep an administrator from restarting."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            server.accept()[0].close()
    claims.check_address_free(f"127.0.0.1:{port}", setting="ADMINCENTER_SMTP")


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("192.0.2.1:2525", "this machine has no such address"),
        ("nobody.invalid:2525", "the host name cannot be resolved"),
    ],
)
def test_an_address_of_somebody_else_is_refused(address, sentence):
    with pytest.raises(WrongSettingError, match=f"^ADMINCENTER_SMTP={address}: {sentence}$"):
        claims.check_address_free(address, setting="ADMINCENTER_SMTP")
