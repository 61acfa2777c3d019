"""Programs submit over HTTP to the real web processes, and the mail is delivered."""

import http.client
import json
import socket
import threading

import pytest

from tests.flows.conftest import ems, ems_rows
from tests.support.waiting import wait_until

pytestmark = pytest.mark.flow
PARTS = {"from": "anna@contoso.test", "to": "bob@fabrikam.test", "subject": "Hello", "text": "Hello."}


@pytest.fixture
def token(program):
    (made,) = ems_rows(program, "New-ApplicationPassword printer -Senders contoso.test")
    return made["Password"]


@pytest.fixture
def submit(program, token):
    """Send one request; its status and its answer."""

    def send(body, **headers):
        connection = http.client.HTTPConnection(program.web_url.removeprefix("http://"), timeout=60)
        try:
            sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
            chunked = not isinstance(body, bytes)
            connection.request("POST", "/api/v1/messages", body, sent, encode_chunked=chunked)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    return send


def test_what_is_submitted_is_delivered_once_however_often_it_is_repeated(program, receiver, submit):
    ems(
        program,
        "New-SendConnector -Name Relay -AddressSpaces * -DNSRoutingEnabled $false"
        f" -SmartHosts 127.0.0.1 -Port {receiver.port}",
    )
    answers = []
    body = json.dumps(PARTS).encode()
    threads = [
        threading.Thread(target=lambda: answers.append(submit(body, **{"Idempotency-Key": "order 7"})))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(answers) == 8
    assert {status for status, _ in answers} == {202}
    assert len({answer["id"] for _, answer in answers}) == 1
    wait_until(lambda: receiver.to("bob@fabrikam.test"), what="it is delivered")

    large = b"From: anna@contoso.test\r\nTo: eva@fabrikam.test\r\n\r\n" + (b"x" * 76 + b"\r\n") * 250_000
    assert submit(large, **{"Content-Type": "message/rfc822"})[0] == 202
    wait_until(lambda: receiver.to("eva@fabrikam.test"), what="the large one is delivered", seconds=60)

    assert receiver.copies() == {"bob@fabrikam.test": 1, "eva@fabrikam.test": 1}
    assert receiver.to("eva@fabrikam.test")[0].content.endswith(large)


def test_a_body_of_unknown_length_and_a_stranger_are_turned_away(submit):
    pieces = iter([json.dumps(PARTS).encode()])
    assert submit(pieces, **{"Transfer-Encoding": "chunked"})[0] == 411
    status, answer = submit(json.dumps(PARTS).encode(), Authorization="Bearer stranger")
    assert (status, answer["title"]) == (401, "Unauthorized")


def test_a_client_that_stops_sending_gets_its_answer_and_keeps_nobody_waiting(program, token, submit):
    head = (
        "POST /api/v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: message/rfc822\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: 1000\r\n\r\nFrom: "
    )
    host, port = program.web_url.removeprefix("http://").split(":")
    silent = [socket.create_connection((host, int(port)), timeout=60) for _ in range(3)]
    for connection in silent:
        connection.sendall(head.encode())
    answers = [connection.recv(1000) for connection in silent]
    assert [answer.split(b"\r\n")[0] for answer in answers] == [b"HTTP/1.1 408 Request Timeout"] * 3

    assert submit(json.dumps(PARTS).encode())[0] == 202
    for connection in silent:
        connection.close()
