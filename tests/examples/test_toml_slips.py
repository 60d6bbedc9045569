"""Slips in a network file: the message shows the line, marks the place, and says what to write there."""

from __future__ import annotations

import re
import tomllib

import pytest

from backlit import BacklitError
from backlit.cli import main
from backlit.examples import parse_network_file, read_network_file
from backlit.examples.file_errors import at_place

HEAD = """[network]
inputs = 2
[[network.layers]]
units = 1
[data]
inputs = [[0, 1]]
targets = [1]
[training]
"""

# The line given, with the marked character between ‹ and ›; what the message says; the line as it should be, or None.
SLIPS = [
    ("[training]\nschedule = ‹“›constant”", 'write "constant"', 'schedule = "constant"'),
    ("schedule = ‹„›constant“", 'write "constant"', 'schedule = "constant"'),
    ("schedule = ‹«›constant»", 'write "constant"', 'schedule = "constant"'),
    ("l2 = ‹.›5", "write 0.5", "l2 = 0.5"),
    ("tolerance = ‹.›5e-3", "write 0.5e-3", "tolerance = 0.5e-3"),
    ("l2 = ‹5›.", "write 5.0", "l2 = 5.0"),
    ("l2 = ‹1›/3", "write 0.3333333333333333", "l2 = 0.3333333333333333"),
    ("l2 = ‹2›*(3-1)", "write 4", "l2 = 4"),
    ("l2 = ‹0›,5", "write 0.5", "l2 = 0.5"),
    ("l2 = ‹1›.000,5", "write 1000.5", "l2 = 1000.5"),
    ("target = ‹−›0.5", "write -0.5", "target = -0.5"),
    ("target = ‹–›0.5", "write -0.5", "target = -0.5"),
    ("optimizer = ‹a›dam", 'write "adam"', 'optimizer = "adam"'),
    ("optimizer = { op = ‹s›gd, rate = 0.5 }", 'write "sgd"', 'optimizer = { op = "sgd", rate = 0.5 }'),
    ('optimizer = { op = "sgd" ‹r›ate = 0.5 }', "a comma is missing", 'optimizer = { op = "sgd", rate = 0.5 }'),
    ('optimizer = { op = "sgd", rate = 0.5, ‹}›', "take it out", 'optimizer = { op = "sgd", rate = 0.5 }'),
    ('optimizer = { op‹:› "sgd" }', "write = in place of :", 'optimizer = { op = "sgd" }'),
    ("shuffle = ‹T›rue", "write true", "shuffle = true"),
    ("shuffle = ‹F›alse", "write false", "shuffle = false"),
    ("patience = ‹N›one", "leave the key out", ""),
    ("epochs ‹5›", "= is missing behind epochs", "epochs = 5"),
    ("epochs‹:› 5", "write = in place of :", "epochs = 5"),
    ("epochs =‹=› 5", "one = is enough", "epochs = 5"),
    ("epochs = 5‹;›", "ends without ;", "epochs = 5"),
    ("epochs = 5 ‹/›/ few", "a comment begins with #", "epochs = 5 # few"),
    ("batch ‹s›ize = 1", "write batch_size for batch size", "batch_size = 1"),
    ("epochs = ‹0›5", "write 5", "epochs = 5"),
    ("l2 = ‹5›0%", "write 0.5", "l2 = 0.5"),
    ("epochs = 5\n‹e›pochs = 6", "the key epochs stands in line 9 too", "epochs = 5"),
    ("epochs = 5\n‹[›training]", "[training] stands in line 8 too", "epochs = 5"),
    ("‹\u00a0›epochs = 5", "U+00A0", "epochs = 5"),
    ("epochs =‹\u00a0›5", "U+00A0", "epochs = 5"),
    ('schedule = ‹"›C:\\new\\users"', r"write 'C:\new\users'", None),
    ('schedule = ‹"›constant', 'no closing "', 'schedule = "constant"'),
    ("epochs =‹ ›", "a value is missing behind =", "epochs = 5"),
    ("‹-› epochs = 5", "without a dash", "epochs = 5"),
    ("[[published]]\nquantity = ‹(›1)", "square brackets", None),
    ("published = ‹[›{}\nepochs = 5", "write ] at the end of line 9", None),
    ("epochs = 5‹]›", "one ] too many", "epochs = 5"),
]  # fmt: skip


# A line, and every number that a person can have meant by what the message advises in place of it.
NUMBERS = [
    ("l2 = 0,5", "0.5"), ("l2 = -0,05", "-0.05"), ("l2 = - 0,5", "-0.5"), ("l2 = - 0.5", "-0.5"),
    ("l2 = 0,5e-3", "0.5e-3"), ("l2 = 0,5 # 0,7", "0.5"), ("l2 = 12,5 %", "0.125"), ("l2 = 12.3456789%", "0.123456789"),
    ("epochs = 1,000", "1000"), ("epochs = 1.000.000", "1000000"), ("epochs = 1 000", "1000"), ("seed = 1'000", "1000"),
    ("l2 = 1,000", "1.000 1000"), ("l2 = 1,000.5", "1000.5"), ("l2 = 0,005", "0.005"), ("l2 = 1.000,5", "1000.5"),
    ("l2 = 0, 5", "0.5 0 5"), ("l2 = .5, .25", "0.5 0.25"), ("l2 = 0.40, 0.45", "0.40 0.45"),
    ("targets = 0,60", "0.60 0 60"), ("inputs = [[0,05, 0,10]]", "0.05 0.10"), ("targets = [[0,01]]", "0.01"),
    ("targets = [[0, 01]]", "1 0.01"), ("targets = [[0,05; 0,10]]", "0.05 0.10"), ("targets = [-0,05; 1]", "-0.05 1"),
    ("targets = [[-0,05, 0,10], [1,5, 2,5]]", "-0.05 0.10"), ("targets = [1,02,3,4]", "1.02 3.4"),
    ("targets = [05, 1]", "5"), ("targets = [1, 2,05]", "2.05"), ("targets = [1,2,05]", "5 2.05"),
    ('optimizer = { op = "sgd", rate = 0,5 }', "0.5"), ('optimizer = { rate = 0,05, op = "sgd" }', "0.05"),
    ('optimizer = { op = "sgd", rate = -1,5 }', "-1.5"), ('optimizer = { op = "sgd", rate = 1,5', "1.5"),
    ("l2 = 1/4", "0.25"), ("l2 = 3·10^-1", "0.3"), ("l2 = 3×10⁻¹", "0.3"), ("l2 = √4", "2.0 2"), ("l2 = 1½", "1.5"),
    ("l2 = ½", "0.5"), ("targets = [½, 1/8]", "0.5"), ("l2 = exp(0)", "1.0 1"), ("epochs = 4/2", "2"),
    ("l2 = 1 000,5", "1000.5"), ("l2 = 1'000,5", "1000.5"), ("l2 = 1,000%", "0.010 10"), ("l2 = 1,5 %", "0.015"),
    ("epochs = 1e3", "1000"), ("epochs = 10.000", "10 10000"), ("optimizer = sgd, 0.5", "0.5"),
    ('optimizer = op = "sgd", rate = 0.5', "0.5"), ("optimizer = sgd, rate = 0.5", "0.5"),
    ("optimizer = sgd(0.5)", "0.5"), ("learning rate = .25", "0.25"), ("η = 0.25", "0.25"),
    ('optimizer = { op = "sgd", learning rate = 0.25 }', "0.25"), ("lernrate: 0.25", "0.25"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "meant"), NUMBERS, ids=[line for line, _ in NUMBERS])
def test_no_advice_has_a_number_that_was_not_meant(line, meant):
    with pytest.raises(BacklitError) as caught:
        parse_network_file(f"{HEAD}{line}\n", "t")
    words = str(caught.value).split("\n")[0].removeprefix("t, line 9: ")
    advice = re.sub(r" (?:in place of|for|where) .*?(?=; or |$)", "", words.partition("write ")[2])
    said = re.findall(r"(?<![\w.])-?\d[\d.]*(?:e-?\d+)?(?<!\.)", advice)
    assert set(said) <= set(meant.split())
    assert said or "0.25" in meant, words


REFUSED_WITH_ADVICE = [
    ('optimizer = {\n op = "sgd" }', 1, "a table in braces stands on one line"),
    ("optimizer = { η = 0.5 }", 1, "write rate for η"),
    ("l2 = 1/0", 1, "1/0 is no number"),
    ("targets = [1/0]", 1, "1/0 is no number"),
    ("optimizer = Adam(lr=0.5, beta1=0.8)", 1, "an op with settings is a table"),
    ("[network.layers]\nunits = 2\n[[network.layers]]\nunits = 1", 1, "write [[network.layers]] in double brackets"),
    ("[network]\nlayers = [2, 2, 1]\n[[network.layers]]\nunits = 1", 2, "layers is given in line 3 too"),
    ('labels = "h1", "h2"', 1, "several values stand in square brackets"),
    ("epochs = 10,", 1, "a line ends without a comma"),
    ('optimizer = { op = "sgd"; rate = 0.5 }', 1, "write , in place of ;"),
    ("targets = {0.05, 0.10}", 1, "a list stands in square brackets"),
    ("[[network.layérs]]", 1, "a heading has letters a to z"),
    ("epochs = ?", 1, "here stands no value: write a number"),
    ("?epochs = 1", 1, "a line begins with a key"),
    ("optimizer = { ?op = 1 }", 1, "a key has letters"),
]


@pytest.mark.parametrize(
    ("text", "line", "says"), REFUSED_WITH_ADVICE, ids=[given for given, _, _ in REFUSED_WITH_ADVICE]
)
def test_the_parsers_words_are_never_all(text, line, says):
    with pytest.raises(BacklitError) as caught:
        parse_network_file(f"{text}\n", "t")
    assert str(caught.value).startswith(f"t, line {line}: ")
    assert says in str(caught.value)


def mistaken(given: str) -> tuple[str, int, int]:
    """Give the text without marks, and line and column of the mark."""
    text = HEAD + given.removeprefix("[training]\n")
    before = text[: text.index("‹")]
    return text.replace("‹", "").replace("›", ""), before.count("\n") + 1, len(before) - before.rfind("\n")


@pytest.mark.parametrize(("given", "says", "right"), SLIPS, ids=[given for given, _, _ in SLIPS])
def test_a_slip_shows_its_line_its_place_and_what_to_write(given, says, right):
    text, line, column = mistaken(given)
    with pytest.raises(BacklitError) as caught:
        parse_network_file(text, "mine.toml")
    words, content, mark = str(caught.value).split("\n")
    assert words.startswith(f"mine.toml, line {line}: ")
    assert says in words
    head = f"  {line} | "
    assert content == head + text.split("\n")[line - 1].replace("\u00a0", " ")
    assert mark.index("^") - len(head) + 1 == column
    if right is not None:  # what the message tells to write is a file that is read
        parse_network_file(HEAD + right, "mine.toml")


@pytest.mark.parametrize("column", [10, 60, 99, 150, 215])
def test_the_mark_of_a_long_line_is_below_its_place(column):
    line = "".join(chr(97 + k % 26) for k in range(220))
    line = line[: column - 1] + "!" + line[column:]
    _, shown, mark = str(at_place("mine.toml", f"first\n{line}\nlast", 2, column, "says")).split("\n")
    assert len(shown) <= 110
    assert shown[mark.index("^")] == "!"


@pytest.mark.parametrize("given", ["(-8)**0.5", "1e308*10", "1e308*10-1e308*10", "2**0.5*1j"])
def test_what_is_no_finite_number_is_not_advised(given):
    with pytest.raises(BacklitError) as told:
        parse_network_file(HEAD + f"l2 = {given}\n")
    assert not re.search(r"write .*(inf|nan|j)", str(told.value))


def test_any_other_text_that_is_not_toml_shows_a_line(tmp_path):
    """No slip ends in a traceback, wherever a file is cut or a sign put into it."""
    good = HEAD + 'optimizer = { op = "sgd", rate = 0.5 }\nepochs = 2\n'
    for k in range(len(good)):
        for text in (good[:k], f"{good[:k]}]{good[k:]}", f"{good[:k]}\"{good[k:]}", f"{good[:k]}={good[k:]}",
                     f"{good[:k]}\n{good[k:]}", f"{good[:k]} {good[k + 1:]}"):  # fmt: skip
            try:
                tomllib.loads(text)
            except tomllib.TOMLDecodeError:
                with pytest.raises(BacklitError, match=r"^t, line \d+: .*\n  \d+ \| .*\n +\| *\^"):
                    parse_network_file(text, "t")


@pytest.mark.parametrize("command", ["demo", "explain"])
def test_the_command_line_shows_the_place(command, tmp_path, capsys):
    file = tmp_path / "mine.toml"
    file.write_text(HEAD + "learning_rate = 0.1\n", encoding="utf-8")
    assert main([command, str(file)]) == 2
    words, content, mark = capsys.readouterr().err.rstrip("\n").split("\n")
    assert words == (
        f"error: {file}, line 9: training: unknown key 'learning_rate'; "
        'write optimizer = { op = "sgd", rate = 0.1 }.'
    )
    assert content == "  9 | learning_rate = 0.1"
    assert mark == "    | ^^^^^^^^^^^^^"


@pytest.mark.parametrize("command", ["demo", "explain"])
def test_a_file_of_any_name_is_read(command, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = HEAD + "epochs = 1\n"
    for name in ("mine.toml.txt", "mine.net", "mine.TOML"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert main([command, name, *(["--plain"] if command == "demo" else [])]) == 0
        capsys.readouterr()
    assert main([command, "mine.toml"]) == 2
    assert "There is mine.toml.txt: rename it." in capsys.readouterr().err
    assert main([command, "mine"]) == 2
    assert "unknown example 'mine'; " in (said := capsys.readouterr().err)
    assert "There is a file mine.toml.txt." in said
    (tmp_path / "t.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    assert main([command, "t.csv"]) == 2
    assert "t.csv is no network file" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["two_layer", "Two-Layer", "twolayer", "XOR", "gate"])
def test_an_example_is_named_nearly(name, capsys):
    assert main(["explain", name]) == 2
    assert "did you mean" in capsys.readouterr().err


def test_a_file_in_utf_16_is_named_as_such(tmp_path):
    (tmp_path / "wide.toml").write_text(HEAD, encoding="utf-16")
    with pytest.raises(BacklitError, match=r"UTF-16.*Save it as UTF-8"):
        read_network_file(tmp_path / "wide.toml")


def test_windows_line_ends_are_read(tmp_path):
    (tmp_path / "crlf.toml").write_bytes((HEAD + "epochs = 3\n").replace("\n", "\r\n").encode())
    assert read_network_file(tmp_path / "crlf.toml").setups[0].steps["epochs"] == 3
