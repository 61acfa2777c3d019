"""Single values of the connector's fields."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import validators
from connectors.errors import InvalidValue


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("[192.0.2.1]", "192.0.2.1"),
        ("[IPv6:2001:DB8::1]", "2001:db8::1"),
        ("2001:db8:0::1", "2001:db8::1"),
        (" Smart.Contoso.com ", "smart.contoso.com"),
        ("relay", "relay"),
        ("bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_a_smart_host_is_a_name_or_an_address(written, stored):
    assert validators.smart_host(written) == stored


@pytest.mark.parametrize(
    "written",
    ["", "300.1.1.1", "192.0.2", "[smart.contoso.com]", "[]", "smart:587", "[192.0.2.1]:25", "0.0.0.0", "::",  # noqa: S104
     "224.0.0.1", "fe80::1%eth0", "a b", "smart.contoso.com\n.evil", "<script>", "a/b", "smart..com"],
)  # fmt: skip
def test_what_is_neither_a_name_nor_a_reachable_address_is_refused(written):
    with pytest.raises(InvalidValue) as caught:
        validators.smart_host(written)

    assert caught.value.problem.field == "smart_hosts"


def test_an_ehlo_name_is_fully_qualified():
    assert validators.fqdn("Mail.Contoso.com") == "mail.contoso.com"

    with pytest.raises(InvalidValue, match="FQDN relay: a fully qualified domain name has at least one dot"):
        validators.fqdn("relay")
    with pytest.raises(InvalidValue, match=r"FQDN 10\.1\.2\.3: an IP address is no domain name"):
        validators.fqdn("10.1.2.3")


@pytest.mark.parametrize("written", ["http://relay.contoso.com", "user:secret@relay.contoso.com", "relay/x"])
def test_a_smart_host_stands_alone(written):
    with pytest.raises(InvalidValue, match="with nothing in front of it or behind"):
        validators.smart_host(written)


@pytest.mark.parametrize(
    ("written", "size_bytes"),
    [
        ("25MB", 26_214_400),
        ("25 mb", 26_214_400),
        ("1.5KB", 1536),
        ("10", 10),
        ("10B", 10),
        ("1GB", 2**30),
        ("unlimited", None),
        ("Unlimited", None),
        ("35 MB (36,700,160 bytes)", 36_700_160),
        ("2147483647", 2_147_483_647),
    ],
)
def test_a_size_reads_as_in_exchange(written, size_bytes):
    assert validators.parse_size(written) == size_bytes


@pytest.mark.parametrize(
    "written",
    [
        "",
        "0",
        "-1",
        "2147483648",
        "2GB",
        "1TB",
        "25 M",
        "MB",
        "1e6",
        "1,000",
        "٣MB",
        "nan",
        "9" * 400,
        "1.2345MB",
    ],
)
def test_a_size_out_of_range_or_form_is_refused(written):
    with pytest.raises(InvalidValue):
        validators.parse_size(written)


@pytest.mark.parametrize(
    ("size_bytes", "written"),
    [
        (36_700_160, "35 MB (36,700,160 bytes)"),
        (None, "unlimited"),
        (1, "1 B (1 bytes)"),
        (1536, "1.5 KB (1,536 bytes)"),
        (26_214_401, "25 MB (26,214,401 bytes)"),
        (2_147_483_647, "2 GB (2,147,483,647 bytes)"),
        (0, "0 B (0 bytes)"),
    ],
)
def test_a_size_is_written_as_in_exchange(size_bytes, written):
    assert validators.format_size(size_bytes) == written


@given(st.integers(1, 2_147_483_647))
def test_a_size_that_was_written_reads_back_to_the_byte(size_bytes):
    assert validators.parse_size(validators.format_size(size_bytes)) == size_bytes


def test_time_spans_read_as_in_exchange():
    assert validators.parse_time_span("00:10:00") == timedelta(minutes=10)
    assert validators.parse_time_span("1.00:00:00") == timedelta(days=1)
    assert validators.parse_time_span(" 0:0:1 ") == timedelta(seconds=1)


@pytest.mark.parametrize(
    "written", ["", "10", "00:10", "00:00:00", "1.00:00:01", "00:60:00", "24:00:00", "-00:01:00", "9" * 99]
)
def test_a_time_span_out_of_range_or_form_is_refused(written):
    with pytest.raises(InvalidValue):
        validators.parse_time_span(written)


@given(st.integers(1, 86_400))
def test_a_time_span_that_was_written_reads_back(seconds):
    span = timedelta(seconds=seconds)

    assert validators.parse_time_span(validators.format_time_span(span)) == span


def test_a_name_may_hold_spaces_and_any_script():
    assert validators.name("  To the Internet, Büro 東京 ") == "To the Internet, Büro 東京"


@pytest.mark.parametrize("written", ["", "   ", "x" * 65, "a\\b", "a\tb", "a\x00b", "a\u202eb", "a\nb"])
def test_a_name_that_could_mislead_is_refused(written):
    with pytest.raises(InvalidValue) as caught:
        validators.name(written)

    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("one", "other"),
    [("Internet", "INTERNET"), ("straße", "STRASSE"), ("caf\u00e9", "cafe\u0301")],
)
def test_names_that_read_the_same_are_the_same(one, other):
    assert validators.name_key(one) == validators.name_key(other)


@given(st.text(min_size=1, max_size=64))
def test_a_folded_name_is_folded_and_fits_its_column(text):
    key = validators.name_key(text)

    assert validators.name_key(key) == key
    assert len(key) <= 64 * 4


@pytest.mark.parametrize("written", ["1", "25", 587, "65535", " 25 "])
def test_a_port_is_taken(written):
    assert validators.port(written) == int(written)


@pytest.mark.parametrize("written", ["0", "65536", "-1", "smtp", "", 2**40, "٢٥"])
def test_a_port_out_of_range_is_refused(written):
    with pytest.raises(InvalidValue, match="from 1 to 65535"):
        validators.port(written)


def test_a_server_name_is_stored_in_upper_case():
    assert validators.server(" e15mb1 ") == "E15MB1"

    with pytest.raises(InvalidValue):
        validators.server("E15 MB1")


@pytest.mark.parametrize("secret", ["", "x" * 2000, "hun\0ter2", "hunter2\r\nMAIL FROM:<>", "hunter\ud800"])
def test_a_refused_password_never_stands_in_the_error(secret):
    with pytest.raises(InvalidValue) as caught:
        validators.password(secret)

    assert "hun" not in str(caught.value)
    assert caught.value.problem.value == ""


def test_text_that_a_database_or_a_terminal_would_choke_on_is_refused():
    assert validators.comment("two\r\nlines\tand more")

    for check, text in [
        (validators.comment, "a\0b"),
        (validators.comment, "x" * 1025),
        (validators.username, "a\x1bb"),
    ]:
        with pytest.raises(InvalidValue):
            check(text)
