"""The file of the model providers: what it may say, and the sentence for each thing that it cannot."""

import os
import re
from pathlib import Path

import pytest

from llm.catalogs import Choice, Offer, Prices
from server import model_files
from server.model_files import WrongFile
from server.settings import WrongSettings
from server.settings import read as settings_of

WHOLE = """
default = "claude/claude-sonnet-4-5"

[providers.claude]
dialect = "anthropic"
key = { env = "A_KEY" }
silence = 60
list = false
fallbacks = ["router/openai/gpt-5", "local"]

[[providers.claude.models]]
name = "claude-sonnet-4-5"
context = 200_000
images = true
tools = true
reasoning = true
prices = { input = 3, cached_input = 0.3, output = 15 }

[[providers.claude.models]]
name = "claude-haiku-4-5"
fallbacks = []

[providers.router]
dialect = "openai"
url = "https://openrouter.ai/api/v1"
key = { file = "router.key" }
headers = { X-Title = "Transom", X-Secret = { env = "A_KEY" } }
proxy = "http://user:pass@proxy:3128"
grace = 0
model = "openai/gpt-5"

[providers.local]
dialect = "openai"
url = "http://127.0.0.1:11434/v1"
proxy = false

[[providers.local.models]]
name = "qwen3:8b"
prices = { currency = "EUR", output = 0 }
"""
LIBRARIES = re.compile(r"Traceback|Error\b|NoneType|<class|object at")
HUSH = "sk-hush-hush-42"


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("A_KEY", "sk-a")
    monkeypatch.setenv("EMPTY", " ")
    monkeypatch.setenv("LINES", "sk-hush-hush-42\nX-Evil: 1")
    monkeypatch.setenv("TRANSOM_MODELS_ACCEPTED", "")
    monkeypatch.delenv("TRANSOM_MODELS_ACCEPTED")
    (tmp_path / "router.key").write_text(f" {HUSH}\n")
    (tmp_path / "lines.key").write_text(f"{HUSH}\n{HUSH}\n")
    (tmp_path / "bytes.key").write_bytes(b"\xff\xfe")
    (tmp_path / "long.key").write_text("x" * 20_000)
    (tmp_path / "marked.key").write_bytes(b"\xef\xbb\xbfsk-marked\r\n")
    os.mkfifo(tmp_path / "pipe")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "models.toml"


def said(file: Path, text: str | bytes) -> list[str]:
    """The sentences about a file of this text, without its name."""
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(WrongFile) as wrong:
        model_files.read(file, silence=120)
    sentences = str(wrong.value).split("\n")
    assert all(sentence.startswith(str(file)) for sentence in sentences), sentences
    assert not LIBRARIES.search(str(wrong.value)), sentences
    assert "hush" not in str(wrong.value)
    return [sentence.removeprefix(str(file)).removeprefix(": ") for sentence in sentences]


def test_a_whole_file_is_read(file: Path) -> None:
    file.write_text(WHOLE)
    catalog = model_files.read(file, silence=120)
    claude, router, local = catalog.providers.values()
    assert (catalog.default, catalog.prefixes) == (Choice("claude", "claude-sonnet-4-5"), True)
    assert (claude.dialect, claude.url, claude.key, claude.silence, claude.lists) == (
        "anthropic",
        None,
        "sk-a",
        60,
        False,
    )
    assert (claude.model, claude.fallbacks) == (
        "claude-sonnet-4-5",
        (Choice("router", "openai/gpt-5"), Choice("local")),
    )
    assert claude.offers == (
        Offer("claude-sonnet-4-5", 200_000, True, True, True, Prices("USD", 3, 0.3, 15)),
        Offer("claude-haiku-4-5", fallbacks=()),
    )
    assert (router.key, router.headers) == (HUSH, {"x-title": "Transom", "x-secret": "sk-a"})
    assert (router.proxy, router.grace, router.silence, router.model) == (
        "http://user:pass@proxy:3128",
        0,
        120,
        "openai/gpt-5",
    )
    assert (local.key, local.proxy, local.model, local.lists) == (None, False, "qwen3:8b", True)
    assert local.offers == (Offer("qwen3:8b", prices=Prices("EUR", None, None, 0)),)


ONE = '[providers.one]\ndialect = "openai"\nurl = "http://127.0.0.1:1/v1"\n'
TWO = ONE.replace("one", "two")
MODEL = f"{ONE}[[providers.one.models]]\nname = 'm'\n"
PLACES = '{ env = "A_VARIABLE" } or { file = "/path/of/a/file" }'


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", ["There is no provider. Write one as [providers.NAME]."]),
        (
            "[provider.x]\n",
            [
                "There is no `provider`. Did you mean `providers`?",
            ],
        ),
        ("providers = 5\n", ["`providers` must be tables with a name each: [providers.NAME], not 5."]),
        ("[providers]\none = 5\n", ["`providers.one` must be a table: [providers.one]."]),
        ("defualt = 'one'\n" + ONE, ["There is no `defualt`. Did you mean `default`?"]),
        ("default = ''\n" + ONE, ['`default` must be "provider" or "provider/model", not an empty text.']),
        ("default = 'two'\n" + ONE, ["`default` names the provider 'two', which is not here. Here are: one."]),
        ("default = 'two/m'\n" + ONE, ["`default` names the provider 'two', which is not here. Here are: one."]),
        (
            '[providers."a/b"]\ndialect = "openai"\nurl = "http://h/v1"\n',
            [
                "The provider 'a/b' must have a name of up to 60 letters, digits, dots, - and _, and begin with a "
                "letter or a digit."
            ],
        ),
        (
            ONE + ONE.replace("one", "ONE"),
            ["The providers `one` and `ONE` differ in capitals only. Rename one."],
        ),
        (ONE.replace('"openai"', '["openai"]'), ["providers.one: `dialect` must be", '"openai"', '"anthropic".']),
        (ONE.replace('"openai"', "{}"), ["providers.one: `dialect` must be", '"openai"', '"anthropic".']),
        (ONE.replace("openai", "opnai"), ["providers.one: `dialect` must be", '"openai"', '"anthropic".']),
        ("[providers.one]\nurl = 'http://h/v1'\n", ["providers.one: `dialect` is missing: it must be"]),
        (ONE + "dialects = 1\n", ["providers.one: There is no `dialects`. Did you mean `dialect`?"]),
        (ONE + "api_key = 'sk-hush'\n", ["providers.one: There is no `api_key`. Did you mean `key`?"]),
        (ONE + "frobnicate = 1\n", ["providers.one: There is no `frobnicate`. Known are: dialect, url, key, headers"]),
        (ONE.replace("http://127.0.0.1:1/v1", "hush.example/v1"), ["providers.one: `url` must be an address such as"]),
        (ONE.replace("http://127", "ftp://127"), ["providers.one: `url` must be an address such as https://host/v1."]),
        (ONE.replace("127.0.0.1:1", "[v1.x]"), ["providers.one: `url` must be an address such as https://host/v1."]),
        (ONE.replace("127.0.0.1", "\u0663.example"), ["one: `url` must be an address such as https://host/v1."]),
        (ONE.replace("127.0.0.1", "127.\\n0.0.1"), ["such as https://host/v1, without line breaks or other"]),
        (ONE + "proxy = 'http://[v1.x]'\n", ["providers.one: `proxy` must be an address such as http://proxy:3128, o"]),
        (ONE.replace("//", "//ada:hush-hush@"), ["providers.one: `url` must hold no password. Send it as the hea"]),
        (ONE.replace(":1/v1", ":x/v1"), ["providers.one: `url` must be an address such as https://host/v1."]),
        (ONE.replace("/v1", "/v1?api-version=hush"), ["providers.one: `url` must end before its question mark or #"]),
        (
            ONE.replace("/v1", "/v1/chat/completions"),
            ["providers.one: `url` must end before /chat/completions, which is appended to it."],
        ),
        (
            ONE.replace("openai", "anthropic"),
            ["providers.one: `url` must end before /v1, which is appended to it."],
        ),
        (
            ONE.replace("openai", "anthropic").replace("/v1", "/v1/messages"),
            ["providers.one: `url` must end before /v1/messages, which is appended to it."],
        ),
        (ONE.replace("http://127.0.0.1:1/v1", "scripted:?x=1"), ["providers.one: `url` A scripted model's URL must b"]),
        (ONE + "url = 5\n", ["line 4, column 8: this is no TOML. Cannot overwrite a value."]),
        (ONE + ONE, ["line 4, column 15: this is no TOML. Cannot declare ('providers', 'one') twice."]),
        ("[providers.one]\nkey = sk-hush-hush-42\n", ["line 2, column 7: this is no TOML. Invalid value."]),
        ('key = "sk-hush', ["this is no TOML. Unterminated string."]),
        (b"\xff\xfe", [" is not in UTF-8."]),
        ("\0", [" is no TOML."]),
        ("x" * 100_001, [" has more than 100,000 bytes."]),
        (b"\xef\xbb\xbf" + ONE.encode() + b"#" * 100_000, [" has more than 100,000 bytes."]),
        ("a = " + "1" * 5_000, [" is no TOML that can be read: it has a number of too many digits."]),
        (ONE + f"grace = 0x{'f' * 5_000}\n", ["`grace` must be a number from 0 to 3,600, not one of so many digits."]),
        (ONE + '"a\\nb" = 1\n', ["providers.one: There is no `a\\nb`. Known are"]),
        ("a = " + "[" * 20_000, [" is no TOML that can be read: it nests too deeply."]),
        ('[providers.one]\ndialect = "openai"\n', ["providers.one: `key` is missing, and https://api.openai.com/v1"]),
        (
            '[providers.one]\ndialect = "anthropic"\nurl = "https://api.anthropic.com/"\n',
            ["providers.one: `key` is missing, and https://api.anthropic.com lets nobody in without one"],
        ),
        (ONE + "key = 'sk-hush-hush-42'\n", [f"providers.one: `key` must say where the secret is: {PLACES}."]),
        (ONE + "key = { evn = 'X' }\n", [f"providers.one: `key` must say where the secret is: {PLACES}."]),
        (ONE + "key = { env = 'X', file = 'y' }\n", [f"providers.one: `key` must say where the secret is: {PLACES}."]),
        (ONE + "key = { env = 5 }\n", [f"providers.one: `key` must say where the secret is: {PLACES}."]),
        (ONE + "key = { env = 'GONE' }\n", ["providers.one: `key` is to be in the variable GONE, which is not set."]),
        (ONE + "key = { env = 'EMPTY' }\n", ["providers.one: `key` is to be in the variable EMPTY, which is empty."]),
        (ONE + "key = { env = 'sk-hush-hush-42' }\n", ["providers.one: `key` names a variable that cannot be one."]),
        (ONE + "key = { env = 'TRANSOM_KEY' }\n", ["providers.one: `key` names the variable TRANSOM_KEY. Choose"]),
        (
            ONE + "key = { env = 'LINES' }\n",
            ["providers.one: `key` is wrong in the variable LINES: it must be one line of visible ASCII characters."],
        ),
        (ONE + "key = { file = 'gone' }\n", ["providers.one: `key` is to be in the file ", "/gone, which is not ther"]),
        (ONE + "key = { file = '.' }\n", ["providers.one: `key` is to be in the file ", "which cannot be read: Is a "]),
        (ONE + "key = { file = 'lines.key' }\n", ["providers.one: `key` is wrong in the file ", "one line of visible"]),
        (ONE + "key = { file = 'bytes.key' }\n", ["providers.one: `key` is to be in the file ", "other characters th"]),
        (ONE + "key = { file = 'long.key' }\n", ["providers.one: `key` is wrong in the file ", "one line of visible"]),
        (ONE + "key = { file = 'pipe' }\n", ["providers.one: `key` is to be in the file ", "It is a pipe or a device"]),
        (ONE + "key = { file = '/dev/zero' }\n", ["providers.one: `key` is to be in the file /dev/zero, which can"]),
        (ONE + "key = { file = '~nobody-here/key' }\n", ["providers.one: `key` is to be in the file ~nobody-here/"]),
        (ONE + "headers = 'x: hush'\n", ["providers.one: `headers` must be a table of texts, not a text."]),
        (ONE + "headers = { X = 5 }\n", [f"providers.one: `headers.X` must be a text, or {PLACES}."]),
        (ONE + "headers = { X = \"hush\\nY: 1\" }\n", ["providers.one: `headers.X` is wrong in the file: it must b"]),
        (ONE + "headers = { X = { env = 'GONE' } }\n", ["providers.one: `headers.X` is to be in the variable GONE, w"]),
        (ONE + "headers = { 'a b' = 'c' }\n", ["providers.one: `headers.a b` is no header that can be set."]),
        (ONE + "headers = { HOST = 'c' }\n", ["providers.one: `headers.HOST` is no header that can be set."]),
        (ONE + "headers = { X = 'c', x = 'd' }\n", ["providers.one: `headers.x` is there twice, in other capitals."]),
        (ONE + "proxy = 'proxy:hush'\n", ["providers.one: `proxy` must be an address such as http://proxy:3128, or f"]),
        (ONE + "proxy = true\n", ["providers.one: `proxy` must be an address such as http://proxy:3128, or false."]),
        (ONE + "proxy = 'socks5://h:1'\n", ["providers.one: `proxy` must be an address such as http://proxy:3128, o"]),
        (ONE + "silence = 0\n", ["providers.one: `silence` must be a number from 1 to 3,600, not 0."]),
        (ONE + "silence = nan\n", ["providers.one: `silence` must be a number from 1 to 3,600, not nan."]),
        (ONE + "silence = '9'\n", ["providers.one: `silence` must be a number from 1 to 3,600, not a text."]),
        (ONE + "grace = true\n", ["providers.one: `grace` must be a number from 0 to 3,600, not true."]),
        (ONE + "list = 'no'\n", ["providers.one: `list` must be true or false, not a text."]),
        (ONE + "model = 1979-05-27\n", ["providers.one: `model` must be the name of a model, not a date or a time."]),
        (ONE + "models = ['m']\n", ["providers.one: `models` must be tables with a name each: [[providers.NAME.model"]),
        (ONE + "fallbacks = 'two'\n", ['providers.one: `fallbacks` must be a list of texts such as "provider/model",']),
        (ONE + "fallbacks = ['two']\n", ["providers.one: `fallbacks` names the provider 'two', which is not here. He"]),
        (ONE + "fallbacks = ['one']\n", ["providers.one: `fallbacks` names the very model that they are for."]),
        (MODEL.replace("'m'", "'%s'" % ("m" * 201)), ["name of the model, in at most 200 characters."]),
        (ONE + "model = '  '\n", ["providers.one: `model` must be the name of a model, not an empty text."]),
        (ONE + 'fallbacks = ["one/a\\u0000"]\n', ["providers.one: `fallbacks` must be a list", "that do not show"]),
        (ONE + "model = 'a'\n" + TWO + "fallbacks = ['one', 'one/a']\n", ["two: `fallbacks` names one of them twice."]),
        (ONE + "fallbacks = ['one/a', 'one/a']\n", ["providers.one: `fallbacks` names one of them twice."]),
        (
            ONE + "fallbacks = ['two']\n[providers.two]\ndialect = 'openai'\nkey = { env = 'A_KEY' }\n",
            ['providers.one: `fallbacks` must name a model, as "two/MODEL": this provider has no default one.'],
        ),
        (
            "default = 'two'\n[providers.two]\ndialect = 'anthropic'\nkey = { env = 'A_KEY' }\n",
            ['`default` must name a model, as "two/MODEL": this provider has no default one.'],
        ),
        (MODEL + MODEL.partition("v1\"\n")[2], ['providers.one, model "m": There is another model of this name.']),
        (MODEL.replace("name = 'm'", ""), ["providers.one, model number 1: `name` must say what the provider calls t"]),
        (MODEL + "contxt = 5\n", ['providers.one, model "m": There is no `contxt`. Did you mean `context`?']),
        (MODEL + "context = 0\n", ['providers.one, model "m": `context` must be a whole number from 512 to 10,000,00']),
        (MODEL + "context = 1.5\n", ['providers.one, model "m": `context` must be a whole number from 512 to 10,0']),
        (MODEL + "images = 1\n", ['providers.one, model "m": `images` must be true or false, not 1.']),
        (MODEL + "prices = 5\n", ['providers.one, model "m": `prices` must be a table such as { input = 0.25, output']),
        (MODEL + "prices = { inptu = 5 }\n", ['providers.one, model "m", prices: There is no `inptu`. Did you mean `']),
        (MODEL + "prices = { input = -1 }\n", ['providers.one, model "m", prices: `input` must be a number from 0 to']),
        (MODEL + "prices = { currency = 'usd' }\n", ['providers.one, model "m", prices: `currency` must be a currenc']),
        (MODEL + "fallbacks = ['one']\n", ['providers.one, model "m": `fallbacks` names the very model that they are']),
        (MODEL + "fallbacks = ['one/m']\n", ['providers.one, model "m": `fallbacks` names the very model that they a']),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_with_its_place_and_what_is_right(
    file: Path, text: str | bytes, sentences: list[str]
) -> None:
    (found,) = said(file, text)
    for sentence in sentences:
        assert sentence in found, found


def test_everything_that_is_wrong_is_told_at_once(file: Path) -> None:
    assert said(file, MODEL + "context = -1\nimages = 'x'\n[providers.two]\ncontext = 1\n") == [
        'providers.one, model "m": `context` must be a whole number from 512 to 10,000,000, not -1.',
        'providers.one, model "m": `images` must be true or false, not a text.',
        'providers.two: `dialect` is missing: it must be "openai" (and all that is compatible) or "anthropic".',
        f"providers.two: `key` is missing, and https://api.openai.com/v1 lets nobody in without one: {PLACES}.",
        "providers.two: There is no `context`. Known are: dialect, url, key, headers, proxy, grace, silence, list, "
        "models, model, fallbacks.",
    ]


def test_what_editors_put_around_a_text_does_no_harm(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + f"{ONE}key = {{ file = 'marked.key' }}\n".replace("\n", "\r\n").encode())
    assert model_files.read(file, silence=120).providers["one"].key == "sk-marked"


@pytest.mark.parametrize(("name", "why"), [("pipe", "It is a pipe or a device, and no file"), (".", "Is a directory")])
def test_what_is_no_file_is_told_and_nobody_waits(tmp_path: Path, name: str, why: str) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(WrongFile) as wrong:
        model_files.read(tmp_path / name, silence=120)
    assert str(wrong.value) == f"{tmp_path / name} cannot be read: {why}."
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_no_more_is_told_than_somebody_reads(file: Path) -> None:
    sentences = said(file, "".join(f"[providers.p{number}]\n" for number in range(75)))
    assert (len(sentences), sentences[-1]) == (101, "50 more like these.")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "gone.toml", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(WrongFile, match=f"^{re.escape(str(path))} cannot be read: {why}\\.$"):
            model_files.read(path, silence=120)


def test_what_was_accepted_stays_in_force_until_it_is_read_again(file: Path) -> None:
    file.write_text(ONE)
    assert list(model_files.current(file, silence=120).providers) == ["one"]
    assert said(file, "nonsense")
    assert list(model_files.current(file, silence=120).providers) == ["one"]
    file.write_text(ONE.replace("one", "two"))
    assert list(model_files.read(file, silence=120).providers) == ["two"]
    assert list(model_files.current(file, silence=120).providers) == ["two"]


def test_the_file_and_the_variables_of_one_provider_exclude_each_other(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRANSOM_MODELS_FILE", str(file))
    assert settings_of().model_url is None
    monkeypatch.setenv("TRANSOM_MODEL_SILENCE", "5")
    monkeypatch.setenv("TRANSOM_MODEL_REPLIES", "5")
    assert settings_of().models_file == file
    monkeypatch.setenv("TRANSOM_MODEL_KEY", HUSH)
    monkeypatch.setenv("TRANSOM_MODEL_NAME", "m")
    with pytest.raises(WrongSettings) as wrong:
        settings_of()
    assert str(wrong.value) == (
        "TRANSOM_MODELS_FILE is set, and so are TRANSOM_MODEL_KEY, TRANSOM_MODEL_NAME. Set either the file or the "
        "variables of one provider: what they say can stand in the file."
    )
