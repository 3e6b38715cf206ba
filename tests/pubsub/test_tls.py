"""Redis behind TLS, as managed services have it: `rediss://`."""

import logging
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from pubsub.rates import Rate, Rates
from pubsub.redis import RedisBus
from tests.pubsub.ear import Ear, until
from tests.pubsub.valkey import Valkey
from tests.support import certificate
from tests.support.proxy import Proxy


@pytest.fixture
async def secured(valkey: Valkey, tmp_path: Path) -> AsyncGenerator[tuple[str, Path]]:
    """The address of a Redis that speaks TLS, and the certificate to trust."""
    tls, trusted = certificate.made(tmp_path)
    async with Proxy(valkey.path, tls=tls) as proxy:
        yield f"rediss://127.0.0.1:{proxy.port}", trusted


async def test_a_bus_over_tls_hears_what_one_without_says(valkey: Valkey, secured: tuple[str, Path]) -> None:
    url, trusted = secured
    async with (
        RedisBus(f"{url}?ssl_ca_certs={trusted}", namespace="tls") as over_tls,
        RedisBus(valkey.url, namespace="tls") as plain,
    ):
        far, near = Ear(), Ear()
        await over_tls.listen("a", far)
        await plain.listen("a", near)
        plain.publish("a", b"hello" * 10_000)
        assert await far.hears(1) == [b"hello" * 10_000]
        over_tls.publish("a", b"and you?")
        assert (await near.hears(2))[-1] == b"and you?"


async def test_a_certificate_that_is_not_trusted_is_refused_and_the_log_says_so(
    secured: tuple[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    url, _ = secured

    def said() -> bool:
        return "CERTIFICATE_VERIFY_FAILED" in caplog.text

    with caplog.at_level(logging.WARNING, "transom.pubsub"):
        async with RedisBus(url, namespace="untrusted") as bus:
            await until(said)
            assert not bus.connected


async def test_rates_count_over_tls(secured: tuple[str, Path]) -> None:
    url, trusted = secured
    rate = Rate("messages", 1, ("somebody over TLS",))
    async with Rates(f"{url}?ssl_ca_certs={trusted}", patience=10.0) as rates:
        assert await rates.take([rate]) is None
        full = await rates.take([rate])
        assert full is not None
        assert full.used == 1
