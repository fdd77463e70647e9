"""Log lines: their form, what they are about, and that no token is in them."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

from twisted.logger import Logger, LogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from collab_wamp import metrics
from collab_wamp.config import Config, load
from collab_wamp.metrics import OURS
from collab_wamp.store.values import SessionKey
from collab_wamp.tokens import Claims, Keyring
from collab_wamp.wamp import logs

TOKEN = Keyring(secret="a secret for tests, long enough to be one").issue(
    Claims("ada", "acme", {"*": "edit"}), now_s=1_767_225_600, ttl_s=60
)


def failed(message: str) -> Failure:
    try:
        raise KeyError(message)
    except KeyError:
        return Failure()


class Log:
    """What is written of what is logged."""

    def __init__(self, **environment: str) -> None:
        self.out = io.StringIO()
        self.config: Config = load({"INSTANCE_ID": "here", **environment})
        self.logger = Logger(
            namespace="collab_wamp.test",
            observer=LogPublisher(logs.observer(self.config, self.out)),
        )

    @property
    def lines(self) -> list[str]:
        return self.out.getvalue().splitlines()

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


class JsonTests(TestCase):
    def setUp(self) -> None:
        self.log = Log(LOG_FORMAT="json")

    def test_one_object_a_line(self) -> None:
        self.log.logger.info("two\nlines of {what}", what="text {with} braces")
        self.log.logger.warn("more")
        first, second = self.log.rows
        self.assertRegex(first.pop("time"), r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual(
            first,
            {
                "level": "info",
                "namespace": "collab_wamp.test",
                "message": "two\nlines of text {with} braces",
                "instance_id": "here",
                "process": metrics.PROCESS,
            },
        )
        self.assertEqual((second["level"], second["message"]), ("warn", "more"))

    def test_what_it_is_about(self) -> None:
        self.log.logger.info("x", key=SessionKey("acme", "notes"), wamp_session_id=17, seq=3)
        row = self.log.rows[0]
        self.assertEqual(
            (row["tenant"], row["session_id"], row["wamp_session_id"]), ("acme", "notes", 17)
        )
        self.assertNotIn("seq", row)

    def test_ids_that_are_none_are_left_out(self) -> None:
        for wrong in (None, ["x"], {"a": 1}, "", "x" * 1000, True, 1.5):
            self.log.logger.info("x", session_id=wrong)
            self.assertNotIn("session_id", self.log.rows[-1])

    def test_a_failure(self) -> None:
        self.log.logger.failure("it failed", failed("what"))
        row = self.log.rows[0]
        self.assertEqual((row["level"], row["message"]), ("critical", "it failed"))
        self.assertEqual(row["error"], "KeyError: 'what'")
        self.assertIn("Traceback", row["traceback"])
        self.assertEqual(len(row["error_id"]), 16)

    def test_the_error_id_that_the_client_was_told(self) -> None:
        self.log.logger.failure("failed, {error_id}", failed("x"), error_id="0123")
        self.assertEqual(self.log.rows[0]["error_id"], "0123")


class TextTests(TestCase):
    def test_a_failure_has_its_error_id(self) -> None:
        log = Log()
        log.logger.failure("it failed", failed("what"))
        self.assertRegex(
            log.lines[0], r"\[collab_wamp.test#critical\] it failed \(error_id \w{16}\)"
        )
        log.logger.failure("failed, error_id {error_id}", failed("what"), error_id="0123")
        (line,) = [line for line in log.lines if "0123" in line]
        self.assertEqual(line.count("0123"), 1)


class LevelTests(TestCase):
    def test_ours_from_the_level_on_and_others_from_warnings(self) -> None:
        log = Log(LOG_LEVEL="debug", LOG_FORMAT="json")
        for namespace in ("collab_wamp.feed", "autobahn.wamp", "crossbar.router", "urllib3.pool"):
            logger = Logger(namespace=namespace, observer=log.logger.observer)
            logger.debug("debug")
            logger.warn("warn")
        said = [(row["namespace"], row["level"]) for row in log.rows]
        self.assertEqual(
            said,
            [
                ("collab_wamp.feed", "debug"),
                ("collab_wamp.feed", "warn"),
                ("autobahn.wamp", "warn"),
                ("crossbar.router", "warn"),
                ("urllib3.pool", "warn"),
            ],
        )

    def test_failures_are_counted_whatever_the_level(self) -> None:
        name, labels = "collab_uncaught_errors_total", {"process": metrics.PROCESS}
        before = OURS.get_sample_value(name, labels) or 0
        log = Log(LOG_LEVEL="error")
        log.logger.failure("x", failed("x"))
        log.logger.error("no failure")
        self.assertEqual(OURS.get_sample_value(name, labels), before + 1)

    def test_what_libraries_log_in_the_other_way(self) -> None:
        log = Log(LOG_FORMAT="json")
        handler = logs._ToTwisted(logging.WARNING)
        handler.publish = log.logger.observer
        logger = logging.getLogger("some.library")
        logger.addHandler(handler)
        self.addCleanup(logger.removeHandler, handler)
        logger.propagate = False
        logger.warning("it is %s {hot}", "very")
        logger.info("not this")
        (row,) = log.rows
        self.assertEqual(
            (row["level"], row["namespace"], row["message"]),
            ("warn", "some.library", "it is very {hot}"),
        )


class TokenTests(TestCase):
    def test_tokens_are_taken_out_wherever_they_are(self) -> None:
        head = TOKEN.rsplit(".", 1)[0]
        for form in ("text", "json"):
            log = Log(LOG_FORMAT=form)
            log.logger.info("ticket {ticket} refused", ticket=TOKEN)
            log.logger.info("{details}", details={"ticket": TOKEN, "x": [TOKEN]})
            log.logger.info(f"GET /metrics?token={TOKEN}&x=1 HTTP/1.1")
            log.logger.info(f"without its signature: {head}")
            log.logger.info("/?token=opaque-one&x=1 Authorization: Bearer opaque-two")
            log.logger.failure("it failed", failed(f"bad token {TOKEN}"))
            text = log.out.getvalue()
            for secret in (*TOKEN.split("."), "opaque-one", "opaque-two"):
                self.assertNotIn(secret, text)
            self.assertGreaterEqual(text.count("[token]"), 8)
            self.assertIn("&x=1 HTTP/1.1", text)

    def test_other_texts_stay_what_they_are(self) -> None:
        for text in (
            "collab_wamp.wamp.sessions_component",
            "the token has expired. Get a new one",
            "bearer of bad news",
            "eyJust.some text",
        ):
            said = logs.without_tokens(text)
            self.assertEqual(said, text.replace("bearer of", "bearer [token]"))
