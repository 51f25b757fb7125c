"""Paths and fixtures of the whole suite."""

from sandbox.stackstorm import package_path

package_path.add_stubs()  # the real StackStorm where it can be imported, our stubs elsewhere

import os  # noqa: E402
from collections import Counter  # noqa: E402

import hypothesis  # noqa: E402
import pytest  # noqa: E402

from sandbox.slack import LoopbackSlack  # noqa: E402

# How the gate ends must depend on the commit alone: neither on a machine that is slow just then nor
# on the luck of the draw. New ground is searched by `pytest --hypothesis-profile=explore`.
hypothesis.settings.register_profile(
    "gate",
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile(
    "explore",
    deadline=None,
    max_examples=2000,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("gate")


def pytest_terminal_summary(terminalreporter):
    """List why tests were skipped: each reason names what would run them."""
    reasons = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", ()))
    if reasons:
        terminalreporter.section("skipped tests, and what would run them", sep="-")
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line("%5d  %s" % (count, reason))


def _reason(report):
    reason = report.longrepr[2] if isinstance(report.longrepr, (tuple, list)) else report.longrepr
    return str(reason).replace("Skipped: ", "", 1)


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch):
    """Proxies, CA files and netrc of whoever runs the tests must not decide how they end."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    monkeypatch.setenv("NETRC", "/dev/null")


@pytest.fixture
def slack():
    """A Slack on loopback, new for each test."""
    with LoopbackSlack() as server:
        yield server


@pytest.fixture
def config(slack):
    """The pack's config for that Slack, every kind of token in its place."""
    return {
        "api_url": slack.api_url,
        "action_token": slack.bot_token,
        "user_token": slack.user_token,
        "config_token": slack.config_token,
        "sensor": {"app_token": slack.app_token},
        "max_wait": 10,  # a test that waits where it should not fails soon
    }


@pytest.fixture
def st2(monkeypatch):
    """A StackStorm's API on loopback, new for each test. `st2.configs` is what packs get."""
    from sandbox.stackstorm.server import FakeStackStorm

    # st2client puts its token there, for whoever comes next.
    monkeypatch.setenv("ST2_AUTH_TOKEN", "")
    with FakeStackStorm() as server:
        yield server


@pytest.fixture(scope="module")
def needed():
    """Skip the test where there is no Chromium; fail it where there has to be one."""
    from tools.pictures import chromium

    if chromium.PROGRAM is None and os.environ.get("CHROMIUM") == "required":
        pytest.fail("CHROMIUM=required, but there is no chromium (apt-get install chromium)")
    if chromium.PROGRAM is None:
        pytest.skip("needs a browser: chromium (apt-get install chromium)")


@pytest.fixture(scope="module")
def browser(needed):
    """Chromium, without a window."""
    from tools.pictures import chromium

    with chromium.Chromium() as found:
        yield found
