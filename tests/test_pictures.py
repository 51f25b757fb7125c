"""The pictures of README and docs/: what the code draws, and fit to be looked at anywhere."""

import re
import struct
import zlib
from pathlib import Path
from xml.etree import ElementTree

import draw_page
import pytest
from rich.text import Text

from sandbox.slack.state import tokens
from tools.pictures import chromium, message_path, page, png, scenes, svg, terminal
from tools.pictures import command as draw_pictures

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / draw_pictures.FOLDER
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TRIGGERS = (ROOT / "docs/triggers.md").read_text(encoding="utf-8")
FILES = sorted(FOLDER.glob("*.svg"))
TERMINALS = [path for path in FILES if path.name not in ("way_of_a_message.svg", "ways.svg")]
SVG = "{http://www.w3.org/2000/svg}"
DRAWN_WITH = {"svg", "title", "g", "rect", "circle", "path", "text", "marker"}
NEEDED = {
    "demo.svg": (
        "make demo",
        "st2 run slack.chat.postMessage",
        "web 4.2.0",
        "succeeded",
        "slack.message",
        "trigger.text regex",
        "Thanks, @Harbour Bot.",
    ),
    "command.svg": (
        "/st2 help",
        "Commands that you are allowed to use here",
        "/st2 release berth-planner 4.12.0",
        "[ Approve ]",
    ),
    "approval.svg": (
        "You started this: somebody else has to answer.",
        "by @Priya Raman",
    ),
    "result.svg": ("harbour.release", "succeeded", "is live on 12 hosts"),
    "who_may.svg": (
        "--person U0HARBOUR02 --what harbour.release",
        "by the rule 'deployers'",
        "Denied",
    ),
    "check.svg": (
        "sandbox check --config slack.yaml",
        "what it means",
        "what to do",
        "ok",
        "warning",
        "failed",
        "files:write",
        "It belongs to action_token.",
        "1 failed, 1 with a warning",
    ),
    "ways.svg": (
        "A call: slack.chat.postMessage",
        "A message: slack.message",
        "api/client.py",
        "dispatcher.py",
        "approvals/answer.py",
        "inquiry answered",
    ),
    "way_of_a_message.svg": (
        "Slack",
        "Socket Mode",
        "Queue",
        "Seen?",
        "Names",
        "Trigger",
        "Rule",
        "or workflow",
        "Catch up",
        "acknowledged when its trigger was dispatched, not before",
    ),
}


def name_of(path):
    return path.name


def tree(path):
    return ElementTree.fromstring(path.read_text(encoding="utf-8"))


def texts(path):
    return [each.text for each in tree(path).iter(SVG + "text")]


# --- the pictures that are there ----------------------------------------------------------------


def test_they_are_what_the_code_draws(capsys):
    """A run of the demo and of slack.check on this Python: the same bytes as on any other."""
    assert draw_pictures.main(["--check"]) == 0, capsys.readouterr().err


def test_the_pages_show_each_once_and_say_what_is_on_it():
    shown = [
        (alternative, (page.parent / target).resolve())
        for page in PAGES
        for alternative, target in re.findall(
            r"!\[([^\]]*)\]\(([^)]+)\)", page.read_text(encoding="utf-8")
        )
    ]
    assert sorted(target for _, target in shown) == sorted(FOLDER.iterdir())
    for alternative, target in shown:
        assert len(alternative) > 40, target


def test_they_stand_where_they_belong():
    at = {name: README.index(name) for name in ("demo.svg", "check.svg")}
    sections = {title: README.index("\n## " + title) for title in ("Setting up", "One example")}
    assert at["demo.svg"] < sections["Setting up"] < at["check.svg"] < sections["One example"]
    assert TRIGGERS.index("way_of_a_message.svg") < TRIGGERS.index("\n### slack.message")


def test_together_they_are_small():
    assert 0 < sum(path.stat().st_size for path in FILES) < 300_000


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_it_says_what_it_must(path):
    said = "\n".join(texts(path))
    for part in NEEDED[path.name]:
        assert part in said, part


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_it_is_plain_svg_that_loads_nothing(path):
    root = tree(path)
    assert {each.tag for each in root.iter()} <= {SVG + name for name in DRAWN_WITH}
    assert root.find(SVG + "title").text
    for each in root.iter():
        for key, value in each.attrib.items():
            assert not key.startswith("on") and "href" not in key and "src" not in key, key
            assert "//" not in value, value
            assert re.findall(r"url\((?!#)", value) == [], value


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_it_has_a_ground_of_its_own(path):
    """Over all of it, so that neither a white nor a dark page shines through."""
    root = tree(path)
    ground = next(root.iter(SVG + "rect"))
    for side in ("width", "height"):
        assert float(ground.get(side)) == float(root.get(side)) - 1
    assert re.fullmatch(r"#[0-9a-f]{6}", ground.get("fill"))


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_is_cut_off(path):
    root = tree(path)
    width, height = float(root.get("width")), float(root.get("height"))
    assert root.get("viewBox") == "0 0 %s %s" % (root.get("width"), root.get("height"))
    for each in root.iter(SVG + "text"):
        left, base = float(each.get("x")), float(each.get("y"))
        assert left >= 0 and 0 < base < height - 3
        assert left + float(each.get("textLength", 0)) <= width - terminal.MARGIN


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_it_shows_no_credential(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"(xox[a-z]|xapp|xoxe\.xox[a-z])-\w", text)
    assert "/services/" not in text
    for token in (tokens.BOT, tokens.USER, tokens.APP, tokens.CONFIG):
        assert token not in text


@pytest.mark.parametrize("path", TERMINALS, ids=name_of)
def test_what_differs_from_run_to_run_is_not_on_it(path):
    said = "\n".join(texts(path))
    assert not re.search(r"\d\.\d+ s\b", said)
    assert set(re.findall(r"127\.0\.0\.1:(\d+)", said)) <= {"8080"}
    assert str(ROOT) not in said and "/tmp" not in said


def luminance(colour):
    """Of #rrggbb, as WCAG 2 has it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        each / 12.92 if each <= 0.03928 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_letters_can_be_read():
    """4.5 to 1, as WCAG 2 asks of small letters; the names of who does it are bold: 3."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for ink in (terminal.INK, terminal.FAINT, terminal.TITLE, *terminal.COLOURS.values()):
        assert contrast(ink, terminal.GROUND) >= 4.5, ink
    for ink in (message_path.INK, message_path.FAINT, message_path.BACK):
        for ground in (
            message_path.GROUND,
            message_path.SLACK,
            message_path.SENSOR,
            message_path.STACKSTORM,
        ):
            assert contrast(ink, ground) >= 4.5, (ink, ground)
    for ground, ink in message_path.LINES.items():
        assert contrast(ink, ground) >= 3, (ink, ground)


# --- the diagram --------------------------------------------------------------------------------


def test_no_station_overlaps_another_and_each_is_inside_its_actor():
    boxes = [box for box, _ in message_path.STATIONS]
    for number, one in enumerate(boxes):
        assert any(inside(one, actor) for actor, _ in message_path.ACTORS), one.title
        for other in boxes[number + 1 :]:
            assert apart(one, other), (one.title, other.title)


def inside(box, outer):
    across = outer.left < box.left and box.right < outer.right
    return across and outer.top < box.top and box.bottom < outer.bottom


def apart(one, other):
    beside = one.right < other.left or other.right < one.left
    return beside or one.bottom < other.top or other.bottom < one.top


def test_the_stations_have_room_for_their_words():
    """At 0.62 of its height a letter: wider than any of the usual fonts has them on average."""
    for box, _ in message_path.STATIONS:
        assert len(box.title) * 13 * 0.68 < box.width, box.title
        for line in box.below:
            assert len(line) * 12 * 0.62 < box.width + 12, line
        assert (1 + len(box.below)) * 16 < box.height, box.title


def test_the_triggers_that_it_names_exist():
    sensor = (ROOT / "sensors/slack_sensor.yaml").read_text(encoding="utf-8")
    named = [line for line in message_path.TRIGGER.below if line.startswith("slack.")]
    assert len(named) >= 3
    for trigger in named:
        assert re.search(r'name: "?%s"?$' % trigger.partition(".")[2], sensor, re.MULTILINE)


# --- a terminal as a drawing --------------------------------------------------------------------


def parsed(*lines, width=20):
    return ElementTree.fromstring(terminal.render(list(lines), width, "bar", "A title"))


def letters(root):
    return [(each.text, float(each.get("x"))) for each in root.iter(SVG + "text")][1:]  # the bar


def column(number):
    return pytest.approx(terminal.MARGIN + number * terminal.CELL, abs=0.06)


def test_letters_stand_in_their_columns():
    root = parsed(Text.assemble("a ", ("b c", "bold"), "   d"))
    assert letters(root) == [("a", column(0)), ("b c", column(2)), ("d", column(8))]
    assert [each.get("font-weight") for each in root.iter(SVG + "text")][1:] == [None, "bold", None]


def test_a_wide_character_takes_two_columns():
    root = parsed(Text("ab🚀 cd"))
    assert letters(root) == [("ab", column(0)), ("🚀", column(2)), ("cd", column(5))]
    lengths = [each.get("textLength") for each in root.iter(SVG + "text")][1:]
    assert lengths == ["16.8", None, "16.8"], "how wide an emoji is, is its font's own"


def test_frames_are_strokes_and_no_letters():
    root = parsed(Text("╭─ x ─╮"), Text("│ y   │"), Text("╰─────╯"))
    assert letters(root) == [("x", column(3)), ("y", column(2))]
    assert len(list(root.iter(SVG + "path"))) == 3, "one path a line"
    ends = [re.findall(r"[HV]([\d.]+)", each.get("d")) for each in root.iter(SVG + "path")]
    bottom = terminal.BAR + 2 * terminal.LINE
    assert float(ends[1][0]) == bottom, "the sides reach the next line"


def test_colours_are_those_of_the_terminal():
    root = parsed(Text.assemble(("r", "red"), ("  ", ""), ("b", "bold green"), ("d", "dim"), "n"))
    fills = [each.get("fill") for each in root.iter(SVG + "text")][1:]
    assert fills == [terminal.COLOURS[1], terminal.COLOURS[2], terminal.FAINT, None]


def test_what_xml_reserves_is_escaped():
    assert letters(parsed(Text('<@U1> & "x"'))) == [('<@U1> & "x"', column(0))]
    assert svg.element("a", b_='<&>"') == "<a b='&lt;&amp;&gt;\"'/>"


def test_the_terminal_is_the_same_wherever_it_is_recorded(monkeypatch):
    def recorded():
        console = terminal.recorder(30)
        console.print(Text("word " * 12, "green"))
        return [(line.plain, line.spans) for line in terminal.recorded_lines(console)]

    usual = recorded()
    for name, value in {"TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "7", "LINES": "2"}.items():
        monkeypatch.setenv(name, value)
    assert recorded() == usual and usual[0][1]


def test_how_long_it_took_is_left_out():
    line = Text.assemble(("    ● succeeded", "green"), (" in 12.34 s", "dim"), "   ")
    assert scenes._timeless(line).plain == "    ● succeeded"
    assert scenes._timeless(Text("back in 5 s")).plain == "back in 5 s"


# --- drawing and checking -----------------------------------------------------------------------


@pytest.fixture
def one_picture(monkeypatch):
    drawn = {"text": "<svg/>\n"}
    monkeypatch.setattr(draw_pictures, "PICTURES", {"one.svg": lambda: drawn["text"]})
    return drawn


def test_each_difference_is_told(one_picture, tmp_path, capsys):
    check = ["--check", "--root", str(tmp_path)]
    assert draw_pictures.main(check) == 1, "missing"
    assert "one.svg is not what bin/draw_pictures.py draws" in capsys.readouterr().err
    assert not (tmp_path / "etc").exists(), "--check writes nothing"
    assert draw_pictures.main(["--root", str(tmp_path)]) == 0
    assert draw_pictures.main(check) == 0
    one_picture["text"] = "<svg></svg>\n"
    (tmp_path / draw_pictures.FOLDER / "old.svg").write_text("x", encoding="utf-8")
    (tmp_path / draw_pictures.FOLDER / "page.png").write_text("drawn elsewhere", encoding="utf-8")
    assert draw_pictures.main(check) == 1
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2 and "old.svg is drawn by nothing" in told[1]


def test_a_demo_that_fails_is_not_drawn(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(scenes.demo, "call", lambda *anything: 1)
    monkeypatch.setattr(draw_pictures, "PICTURES", {"demo.svg": scenes.the_demo})
    assert draw_pictures.main(["--root", str(tmp_path)]) == 1
    assert (
        capsys.readouterr().err
        == "No picture can be drawn: the demo failed; see it by: make demo\n"
    )
    assert not (tmp_path / "etc").exists()


def test_a_demo_without_the_wanted_steps_is_not_drawn(monkeypatch):
    monkeypatch.setattr(scenes.demo, "call", lambda _, console: console.print("Other ───") or 0)
    with pytest.raises(scenes.SceneError, match="A message"):
        scenes.the_demo()


def test_a_check_that_finds_something_else_is_not_drawn(monkeypatch):
    monkeypatch.setattr(scenes, "_config_with_mistakes", scenes.loopback.config_of)
    with pytest.raises(scenes.SceneError, match="something else"):
        scenes.the_check()


# --- the page, by a browser ---------------------------------------------------------------------


def test_the_picture_of_the_page_is_small_and_whole():
    path = FOLDER / "page.png"
    assert path.stat().st_size < 150_000
    assert png.size(path.read_bytes()) == (page.WIDTH, page.HEIGHT)


def filtered(lines, step, kinds):
    """These lines as a PNG of grey (step 1) or of red, green, blue (3), filtered so."""
    data, above = b"", bytes(len(lines[0]))
    for line, kind in zip(lines, kinds):
        left = bytes(step) + line[:-step]
        corner = bytes(step) + above[:-step]
        guesses = [
            bytes(len(line)),
            left,
            above,
            bytes((one + other) // 2 for one, other in zip(left, above)),
            bytes(png._nearest(*three) for three in zip(left, above, corner)),
        ]
        data += bytes([kind]) + bytes((b - g) & 255 for b, g in zip(line, guesses[kind]))
        above = line
    head = struct.pack(
        ">IIBBBBB", len(lines[0]) // step, len(lines), 8, {1: 0, 3: 2}[step], 0, 0, 0
    )
    inside = [(b"IHDR", head), (b"IDAT", zlib.compress(data, 0)), (b"IEND", b"")]
    return png.SIGNATURE + b"".join(png._chunk(*each) for each in inside)


@pytest.mark.parametrize("step", [1, 3])
def test_a_smaller_picture_has_the_same_pixels(step):
    lines = [bytes((x * y * 7 + x // 3) % 256 for x in range(12 * step)) for y in range(10)] * 2
    made = filtered(lines, step, [0, 1, 2, 3, 4] * 4)
    small = png.smaller(made)
    assert len(small) < len(made) and png.size(small) == png.size(made) == (12, 20)
    data = zlib.decompress(dict(png.chunks(small))[b"IDAT"])
    assert data == b"".join(b"\0" + line for line in lines)
    assert png.smaller(small) == small


@pytest.mark.parametrize("broken", [b"", b"GIF89a", png.SIGNATURE, png.SIGNATURE + bytes(30)])
def test_what_is_no_picture(broken):
    with pytest.raises((ValueError, struct.error)):
        png.size(broken)


def test_without_a_browser_no_picture_is_drawn(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(chromium, "PROGRAM", None)
    assert draw_page.main(tmp_path) == 1
    assert "apt-get install chromium" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_make_target_draws_them():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "\npictures: venv\n\t$(RUN) bin/draw_pictures.py\n" in makefile
    assert "\t$(RUN) bin/draw_pictures.py --check\n" in makefile
    assert "\npage-picture: venv\n\t$(RUN) bin/draw_page.py\n" in makefile
