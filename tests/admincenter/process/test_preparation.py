"""What `up` does before the programs start: it changes only what is not yet as it should be."""

import pytest
from django.contrib.auth import get_user_model
from django.test import override_settings

from admincenter.bootstrap import WrongSettingError
from admincenter.process import preparation
from connectors.models import ReceiveConnector

pytestmark = pytest.mark.state


@pytest.fixture
def static_files(tmp_path):
    source, root = tmp_path / "source", tmp_path / "root"
    source.mkdir()
    (source / "console.css").write_text("a { color: red }", encoding="utf-8")
    with override_settings(STATICFILES_DIRS=[source], STATIC_ROOT=root):
        yield source, root


def test_static_files_are_published_once_and_again_when_one_changes(static_files):
    source, root = static_files
    preparation.collect_static_files()
    published = root / "console.css"
    (root / "witness").touch()
    preparation.collect_static_files()
    assert (root / "witness").exists(), "nothing changed, yet everything was published again"

    (source / "console.css").write_text("a { color: green }", encoding="utf-8")
    preparation.collect_static_files()
    assert "green" in published.read_text(encoding="utf-8")
    assert not (root / "witness").exists()


def test_a_static_file_that_is_gone_is_gone_from_the_web_too(static_files):
    source, root = static_files
    (source / "old.css").touch()
    preparation.collect_static_files()
    (source / "old.css").unlink()
    preparation.collect_static_files()
    assert not (root / "old.css").exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("static_files")
def test_the_first_start_makes_an_administrator_and_the_second_makes_nobody():
    password = preparation.prepare()
    administrator = get_user_model().objects.get()
    assert administrator.check_password(password)
    assert administrator.profile.must_change_password
    assert preparation.prepare() is None
    assert get_user_model().objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("static_files")
def test_no_administrator_is_made_where_somebody_has_an_account():
    get_user_model().objects.create_user("anna")
    assert preparation.prepare() is None


@pytest.mark.django_db
def test_the_first_receive_connectors_listen_on_every_address_of_a_host_name():
    with override_settings(
        SMTP_ADDRESS="localhost:2525", RELAY_NETWORKS=["127.0.0.0/8"], SERVER_NAME="E15MB1"
    ):
        preparation.ensure_receive_connectors()

    assert "127.0.0.1:2525" in ReceiveConnector.objects.get(name="Default E15MB1").bindings
    assert ReceiveConnector.objects.get(name="Anonymous Relay E15MB1").remote_ranges == ["127.0.0.0/8"]


@pytest.mark.django_db
def test_relay_networks_of_everybody_stop_the_start_with_a_reason():
    with (
        override_settings(SMTP_ADDRESS="127.0.0.1:2525", RELAY_NETWORKS=["0.0.0.0/0"], SERVER_NAME="E15MB1"),
        pytest.raises(WrongSettingError, match=r"ADMINCENTER_RELAY_NETWORKS: .*must not be open to every"),
    ):
        preparation.ensure_receive_connectors()


def test_the_first_start_makes_a_certificate(tmp_path):
    with override_settings(CERTIFICATES_DIR=tmp_path / "certificates", SERVER_FQDN="mail.contoso.com"):
        preparation.ensure_certificate()
        preparation.ensure_certificate()

    assert [path.name for path in (tmp_path / "certificates").iterdir()] == ["mail.contoso.com.pem"]
