# SPDX-License-Identifier: GPL-2.0-or-later
"""Who is admitted, and that bcrypt is asked once for each right answer."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import bcrypt
import pytest

from immapscope.exporter.authentication import MOST_REMEMBERED, Authentication
from immapscope.settings import WebConfig
from tests.exporter.serving import ask, basic, serving

HASH = bcrypt.hashpw("pässword".encode(), bcrypt.gensalt(4))
WEB = WebConfig(tls=None, users={"jo": HASH, "broken": b"$2y$04$" + b"9" * 53}, headers={})


@pytest.fixture(scope="module")
def slow_hash() -> bytes:
    """Of "slow"; to compare with it takes a tenth of a second or so."""
    return bcrypt.hashpw(b"slow", bcrypt.gensalt(11))


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (basic("jo", "pässword"), 200),
        (basic("jo", "pässword").replace("Basic", "bAsIc"), 200),
        (basic("jo", "password"), 401),
        (basic("ann", "pässword"), 401),
        (basic("broken", "x"), 401),
        (basic("jo", "x" * 100), 401),
        ("Basic ###", 401),
        ("Basic " + "am8=", 401),
        ("Bearer token", 401),
        ("", 401),
    ],
)
@pytest.mark.parametrize("target", ["/metrics", "/-/healthy", "/-/ready", "/", "/nothing"])
def test_every_path_needs_a_known_name_and_its_password(
    authorization: str, status: int, target: str
) -> None:
    with serving(web=WEB) as server:
        answer = ask(server, target, Authorization=authorization)
    assert answer.status == (404 if (status, target) == (200, "/nothing") else status)
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


def test_without_a_header_the_name_is_asked_for() -> None:
    with serving(web=WEB) as server:
        answer = ask(server)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith('Basic realm="immapscope"')


def test_a_slow_hash_keeps_nobody_waiting_whose_right_answer_is_remembered(
    slow_hash: bytes,
) -> None:
    web = WebConfig(tls=None, users={"jo": HASH, "slow": slow_hash}, headers={})
    with serving(web=web) as server, ThreadPoolExecutor(4) as clients:
        for who in (("jo", "pässword"), ("slow", "slow")):
            assert ask(server, Authorization=basic(*who)).status == 200
        wrong = [
            clients.submit(ask, server, Authorization=basic("slow", str(guess)))
            for guess in range(4)
        ]
        for who in (("jo", "pässword"), ("slow", "slow")):
            assert ask(server, Authorization=basic(*who)).status == 200
        # Each of these takes a tenth of a second or so, one after the other.
        assert not all(one.done() for one in wrong)
        assert [one.result().status for one in wrong] == [401] * 4


def test_an_unknown_name_costs_as_much_as_a_wrong_password(slow_hash: bytes) -> None:
    authentication = Authentication({"slow": slow_hash})

    async def seconds(name: str) -> float:
        began = time.process_time()
        assert not await authentication.admits(basic(name, "wrong"))
        return time.process_time() - began

    known, unknown = (asyncio.run(seconds(name)) for name in ("slow", "nobody"))
    authentication.close()
    assert 1 / 3 < known / unknown < 3


def test_as_many_right_answers_are_remembered_as_there_is_room_for() -> None:
    users = {f"user{n}": HASH for n in range(MOST_REMEMBERED + 5)}
    authentication = Authentication(users)

    async def all_admitted() -> bool:
        given = [basic(name, "pässword") for name in users]
        return all([await authentication.admits(one) for one in given])

    assert asyncio.run(all_admitted())
    assert len(authentication._right) == MOST_REMEMBERED
    authentication.close()
