"""`backlit worksheet`: the folder that it writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backlit.cli import main

LIST = "Name;Klasse\nAda Lovelace;9a\nJosé Núñez;9a\nAda Lovelace;9b\n"


def test_a_class_from_a_list(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "list.csv").write_bytes(LIST.encode("cp1252"))
    folder = tmp_path / "class"
    command = ["worksheet", "--level", "1", "--students", str(tmp_path / "list.csv"), "-o", str(folder), "--format",
               "html", "md", "latex"]  # fmt: skip
    assert main(command) == 0
    assert f"check    backlit check {folder}" in capsys.readouterr().out
    stems = ["ada-lovelace", "ada-lovelace-2", "jose-nunez"]
    assert sorted(path.stem for path in folder.glob("*.csv")) == stems
    assert sorted(path.stem for path in (folder / "key").glob("*.toml")) == stems
    for form in ("html", "md", "tex"):
        assert {path.stem for path in (folder / "sheets").glob(f"*.{form}")} == set(stems)
        assert {path.stem for path in (folder / "key").glob(f"*.{form}")} >= set(stems)
    assert (folder / "all-sheets.html").exists()
    assert (folder / "key" / "all-keys.tex").exists()
    raw = (folder / "jose-nunez.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfname,number\r\n")
    assert "student,José Núñez\r\nsheet,jose-nunez / seed 0 / Level 1: One neuron\r\nnet(o1),\r\n" in raw.decode(
        "utf-8-sig"
    )
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert main(command) == 0  # once more, over what is there
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_was_filled_in_stays(tmp_path: Path, capsys: Any) -> None:
    command = ["worksheet", "--level", "1", "-o", str(tmp_path)]
    assert main(command) == 0
    sheet = tmp_path / "sheet-01.csv"
    sheet.write_text(sheet.read_text(encoding="utf-8").replace("net(o1),", "net(o1),0.3"), encoding="utf-8")
    assert main([*command, "--seed", "5"]) == 2
    assert "is filled in; choose another folder" in capsys.readouterr().err
    assert "net(o1),0.3" in sheet.read_text(encoding="utf-8")


@pytest.mark.parametrize(("arguments", "words"), [
    (["--level", "9"], "--level is 9"),
    (["--gaps", "none"], "final"),
    (["--students", "missing.csv"], "cannot read the list of students"),
    (["--digits", "2", "--level", "2"], None),
])  # fmt: skip
def test_wrong_calls_and_notes(arguments: list[str], words: str | None, tmp_path: Path, capsys: Any) -> None:
    code = main(["worksheet", *arguments, "-o", str(tmp_path / "x")])
    said = capsys.readouterr()
    if words is None:
        assert code == 0
        assert "--digits 3 tells more of them apart" in said.out
    else:
        assert code == 2
        assert words in said.err
        assert not (tmp_path / "x").exists()
