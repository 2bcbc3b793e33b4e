"""The token of the state folder."""

import stat
from pathlib import Path

from kwatch.store import token


def test_a_token_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    made = token.ensure(tmp_path)
    assert len(made) == 43
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
    assert token.ensure(tmp_path) == made
    assert token.find(tmp_path) == made


def test_a_token_that_others_could_read_is_theirs_no_longer(tmp_path: Path) -> None:
    made = token.ensure(tmp_path)
    (tmp_path / "token").chmod(0o644)
    assert token.ensure(tmp_path) == made
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600


def test_a_token_that_was_cut_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("")
    assert token.find(tmp_path) is None
    assert len(token.ensure(tmp_path)) == 43


def test_two_folders_have_two_tokens(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert token.ensure(tmp_path / "a") != token.ensure(tmp_path / "b")
