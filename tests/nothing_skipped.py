"""A pytest plugin: a test that was skipped, or was expected to fail, has shown nothing, so the run fails."""

import pytest

UNPROVEN = ("skipped", "xfailed", "xpassed")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn the run red when it has tests that proved nothing."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    assert reporter is not None
    unproven = [name for name in UNPROVEN if reporter.stats.get(name)]
    if unproven and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line(f"tests that proved nothing ({', '.join(unproven)}): the run fails", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
