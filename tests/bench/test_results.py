"""What was measured is kept, and not replaced by less."""

from pathlib import Path

import pytest

from bench import results


def test_a_run_of_some_does_not_replace_one_of_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    results.keep("latency", {"only": None}, [{"server": "one"}, {"server": "other"}])
    results.keep("latency", {"only": "other"}, [{"server": "other"}])
    kept = results.last("latency")
    assert kept is not None
    assert [row["server"] for row in kept["rows"]] == ["one", "other"]
    assert (tmp_path / "latency-some.json").exists()
