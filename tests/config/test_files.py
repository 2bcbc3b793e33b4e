"""Whether the files of a configuration are others than those that were read."""

import os
from pathlib import Path

import pytest

from kwatch.config.files import ConfigFiles
from kwatch.errors import ConfigError


def replace(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def test_they_are_others_when_two_looks_agree(tmp_path: Path) -> None:
    path = tmp_path / "kwatch.yaml"
    replace(path, "packs: []\n")
    files = ConfigFiles(path)
    files.read()
    assert [files.are_others(), files.are_others()] == [False, False]
    replace(path, "packs: [crashes]\n")
    assert [files.are_others(), files.are_others()] == [False, True]
    files.read()
    assert files.are_others() is False


def test_what_a_link_leads_to_counts(tmp_path: Path) -> None:
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "kwatch.yaml").write_text("packs: []\n")
        os.utime(tmp_path / version / "kwatch.yaml", ns=(0, 0))
    data, path = tmp_path / "data", tmp_path / "kwatch.yaml"
    data.symlink_to("1")
    path.symlink_to("data/kwatch.yaml")
    files = ConfigFiles(path)
    files.read()
    (tmp_path / "new").symlink_to("2")
    (tmp_path / "new").replace(data)
    assert [files.are_others(), files.are_others()] == [False, True]


def test_a_file_that_is_included_from_now_on_counts(tmp_path: Path) -> None:
    path = tmp_path / "kwatch.yaml"
    path.write_text("include: [rules/*.yaml]\n")
    files = ConfigFiles(path)
    with pytest.raises(ConfigError):
        files.read()
    (tmp_path / "rules").mkdir()
    replace(tmp_path / "rules/a.yaml", "rules: []\n")
    assert [files.are_others(), files.are_others()] == [False, True]


def test_one_that_cannot_be_parsed_keeps_what_was_included(tmp_path: Path) -> None:
    path = tmp_path / "kwatch.yaml"
    replace(path, "include: [more.yaml]\n")
    replace(tmp_path / "more.yaml", "rules: []\n")
    files = ConfigFiles(path)
    files.read()
    replace(path, "packs: [")
    assert [files.are_others(), files.are_others()] == [False, True]
    with pytest.raises(ConfigError):
        files.read()
    replace(tmp_path / "more.yaml", "rules: [] #\n")
    assert [files.are_others(), files.are_others()] == [False, True]


def test_one_that_is_gone_or_a_ring_of_links_is_another(tmp_path: Path) -> None:
    path = tmp_path / "kwatch.yaml"
    replace(path, "packs: []\n")
    files = ConfigFiles(path)
    files.read()
    path.unlink()
    assert [files.are_others(), files.are_others()] == [False, True]
    replace(path, "packs: []\n")
    files.read()
    path.unlink()
    path.symlink_to(path)
    assert [files.are_others(), files.are_others()] == [False, True]


def test_the_defaults_never_change() -> None:
    files = ConfigFiles()
    files.read()
    assert files.are_others() is False
