"""The doorbell: nobody else reaches our Redis, and what somebody puts into it runs nothing but our tasks."""

import json
import os
import stat
import subprocess

import pytest
import redis
from celery import current_app
from django.conf import settings
from kombu import Producer
from kombu.exceptions import ContentDisallowed

from admincenter.process import programs
from tests.support.waiting import wait_until
from transport import bell

QUEUE = bell.celery_queue("E15MB1")


class PrivateRedis:
    """The Redis of `make up`, in the data directory of the test run."""

    def __init__(self):
        assert settings.REDIS_URL == f"unix://{settings.REDIS_SOCKET}"  # noqa: SIM300 - no constant
        self.client = redis.Redis(unix_socket_path=str(settings.REDIS_SOCKET))
        self.start()

    def start(self):
        self._process = subprocess.Popen(programs.redis().command)
        wait_until(self._answers, what="Redis answers")

    def kill(self):
        self._process.kill()
        self._process.wait()

    def _answers(self):
        try:
            return self.client.ping()
        except redis.ConnectionError:
            return False

    @property
    def rings(self):
        """Of all priorities: each has a list of its own."""
        lists = sorted(self.client.scan_iter(f"{QUEUE}*"))
        return [json.loads(one) for name in lists for one in self.client.lrange(name, 0, -1)]


@pytest.fixture(scope="module")
def running_redis():
    running = PrivateRedis()
    yield running
    running.kill()
    settings.REDIS_SOCKET.unlink(missing_ok=True)


@pytest.fixture
def private_redis(running_redis):
    """A running one with nothing in it."""
    running_redis.client.flushall()
    return running_redis


def test_it_listens_on_a_socket_of_our_own_and_keeps_nothing(private_redis):
    allowed = stat.S_IMODE(settings.REDIS_SOCKET.stat().st_mode)
    set_to = {
        name: private_redis.client.config_get(name)[name]
        for name in ("port", "save", "appendonly", "maxmemory-policy")
    }

    assert allowed == stat.S_IRWXU
    assert set_to == {"port": "0", "save": "", "appendonly": "no", "maxmemory-policy": "noeviction"}


def test_a_ring_is_json_with_the_number_of_a_queue_and_runs_at_once_or_never(private_redis):
    ringing = bell.Bell()
    ringing.ring("E15MB1", 7)
    ringing.call("E15MB1", 8, sessions=1)
    rings = wait_until(lambda: len(private_redis.rings) == 2 and private_redis.rings, what="two rings go out")

    assert {one["content-type"] for one in rings} == {"application/json"}
    heads = [one["headers"] for one in rings]
    assert sorted((head["task"], head["argsrepr"]) for head in heads) == [
        (bell.ANSWER, "[[7]]"),
        (bell.DELIVER, "[8]"),
    ]
    assert [head["eta"] for head in heads] == [None, None]
    assert all(head["expires"] for head in heads)


def test_a_bell_whose_redis_died_rings_again_when_there_is_one(private_redis):
    ringing = bell.Bell()
    ringing.ring("E15MB1", 1)
    wait_until(lambda: private_redis.rings, what="the first ring goes out")
    private_redis.kill()
    ringing.ring("E15MB1", 2)
    private_redis.start()
    ringing.ring("E15MB1", 3)

    wait_until(
        lambda: "3" in "".join(one["headers"]["argsrepr"] for one in private_redis.rings),
        what="a ring goes out again",
    )


def test_mail_that_has_just_come_is_heard_of_before_the_sessions_that_older_mail_asks_for(private_redis):
    ringing = bell.Bell()
    ringing.call("E15MB1", 8, sessions=5)
    wait_until(lambda: len(private_redis.rings) == 5, what="five sessions are asked for")
    ringing.ring("E15MB1", 7)
    wait_until(lambda: len(private_redis.rings) == 6, what="the ring for new mail goes out")
    heard: list[str] = []
    with current_app.connection() as connection:
        consumer = current_app.amqp.TaskConsumer(
            connection.channel(), queues=[current_app.amqp.queues[QUEUE]]
        )
        consumer.register_callback(lambda _body, message: heard.append(message.headers["task"]))
        consumer.consume()
        connection.drain_events(timeout=10)

    assert heard == [bell.ANSWER]


class Sign:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.usefixtures("private_redis")
def test_a_pickle_is_never_opened(tmp_path):
    trace = tmp_path / "ran"
    with current_app.connection() as connection:
        Producer(connection.channel()).publish(
            [(Sign(str(trace)),), {}, None],
            serializer="pickle",
            routing_key=QUEUE,
            exchange=QUEUE,
            declare=[current_app.amqp.queues[QUEUE]],
            headers={"task": bell.DELIVER, "id": "1"},
        )
        consumer = current_app.amqp.TaskConsumer(connection.channel())
        consumer.register_callback(lambda _body, _message: None)
        consumer.consume()
        with pytest.raises(ContentDisallowed, match="pickle"):
            connection.drain_events(timeout=10)

    assert not trace.exists()


def test_a_worker_never_gives_redis_up_and_keeps_no_results():
    assert current_app.conf.broker_connection_max_retries is None
    assert current_app.conf.broker_connection_retry_on_startup
    assert current_app.conf.result_backend is None
    assert current_app.conf.accept_content == ["json"]
    assert not current_app.conf.task_acks_late
