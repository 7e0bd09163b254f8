"""Settings: each is documented, none is guessed, secrets stay secret."""

import re
from pathlib import Path

import pytest

from liuhen import settings
from liuhen.compose import console_settings
from verify.errors import MalformedError

PAGE = Path(__file__).parents[2] / "docs/operations/settings.md"
ROW = re.compile(r"^\| `([a-z_.]+)` \| `([A-Z_]+)` \| (–|`([^`]*)`) \| (.+) \|$", re.MULTILINE)


def shown(value: object) -> str:
    if value is None or value in ("", ()):
        return ""
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_the_page_and_the_code_have_the_same_settings_and_defaults() -> None:
    documented = {m[1]: (m[2], m[4] or "") for m in ROW.finditer(PAGE.read_text())}
    real = {
        f"{part}.{name}": (settings.variable(part, name), shown(setting.default))
        for part, kind in settings.parts().items()
        for name, setting in settings.keys(kind).items()
    }
    assert documented == real


def test_the_environment_wins_over_the_file_and_the_file_over_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "liuhen.toml"
    file.write_text('[server]\nport = 1\nhost = "127.0.0.2"\n[paths]\ndata = "/srv/x"\n')
    found = settings.load(file, {"LIUHEN_SERVER_PORT": "2", "HOME": "/root"})
    assert (found.server.port, found.server.host) == (2, "127.0.0.2")
    assert found.paths.data == Path("/srv/x")
    assert found.server.stop_seconds == 15
    assert found.database_url() == "sqlite:////srv/x/liuhen.db"
    named = settings.load(None, {"LIUHEN_CONFIG": str(file)})
    assert named.server.port == 1


def test_the_console_gets_what_was_chosen_for_it() -> None:
    found = settings.load(
        None, {"LIUHEN_CONSOLE_INTERRUPTED_SECONDS": "300", "LIUHEN_CONSOLE_VIEW_MINUTES": "5"}
    )
    chosen = console_settings(found)
    assert (chosen.interrupted_after_s, chosen.view_s) == (300, 300)
    with pytest.raises(MalformedError, match=r"interrupted_seconds: expected 5 to 86400"):
        settings.load(None, {"LIUHEN_CONSOLE_INTERRUPTED_SECONDS": "1"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[servr]\n", r"expected a part \(paths, .*got \[servr\]"),
        ("[server]\nprot = 1\n", r"expected a setting of \[server\] \(host, .*got prot"),
        ('[server]\nport = "x"\n', "server.port: expected a whole number, got 'x'"),
        ("[server]\nport = true\n", "server.port: expected a whole number, got True"),
        ("[server]\nport = 70000\n", "server.port: expected 0 to 65535, got 70000"),
        ("server = 3\n", r"expected a table \[server\]"),
        ("[console]\nsecure_cookies = 2\n", "expected true or false, got 2"),
        ("[server]\nhost = 1\n", "server.host: expected text, got 1"),
        ("[server]\ntrusted_proxies = [1]\n", "expected a list of text"),
        ('[policy]\nplayable = "never"\n', "expected needed or always, got never"),
        ('[console]\nzone = "Nowhere"\n', "expected a time zone, got Nowhere"),
        ("[stores]\ncopies = 3\n", "stores.copies: expected 1 or 2, got 3"),
        ("[stores]\ncopies = 2\n", "second.path: expected a folder on another disk, got none"),
        ('[store]\nkind = "s3"\n', "store: expected endpoint, access_key and secret_key"),
        ('[server]\nhost_file = "/x"\n', "got host_file"),
        ("[[", "expected TOML in"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "liuhen.toml"
    file.write_text(text)
    with pytest.raises(MalformedError, match=message):
        settings.load(file, {})


def test_an_unknown_word_in_the_environment_is_refused() -> None:
    with pytest.raises(MalformedError, match="expected a known setting, got LIUHEN_SERVER_PROT"):
        settings.load(None, {"LIUHEN_SERVER_PROT": "1"})
    settings.load(None, {"LIUHEN_TOKEN": "x", "LIUHEN_TOKEN_FILE": "y"})
    with pytest.raises(MalformedError, match="expected to read /nowhere"):
        settings.load(Path("/nowhere"), {})


def test_secrets_come_from_files_and_are_never_shown(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("  hunter2-hunter2\n")
    found = settings.load(
        None,
        {
            "LIUHEN_STORE_KIND": "s3",
            "LIUHEN_STORE_ENDPOINT": "http://127.0.0.1:9000",
            "LIUHEN_STORE_ACCESS_KEY": "user",
            "LIUHEN_STORE_SECRET_KEY_FILE": str(secret),
            "LIUHEN_DATABASE_URL": "postgresql://u:hunter2-hunter2@h/d",
        },
    )
    assert found.store.secret_key == "hunter2-hunter2"
    assert "hunter2" not in repr(found) + str(found)
    with pytest.raises(MalformedError) as refused:
        settings.load(None, {"LIUHEN_STORE_SECRET_KEY_FILE": "/nowhere"})
    assert "hunter2" not in str(refused.value)


def test_two_stores_must_be_two(tmp_path: Path) -> None:
    base = {"LIUHEN_STORES_COPIES": "2", "LIUHEN_PATHS_DATA": str(tmp_path)}
    same = base | {"LIUHEN_SECOND_PATH": str(tmp_path / "objects")}
    with pytest.raises(MalformedError, match="another folder"):
        settings.load(None, same)
    twice = base | {"LIUHEN_SECOND_PATH": str(tmp_path / "b"), "LIUHEN_SECOND_NAME": "directory"}
    with pytest.raises(MalformedError, match="two different ones, got directory twice"):
        settings.load(None, twice)
    found = settings.load(None, base | {"LIUHEN_SECOND_PATH": str(tmp_path / "b")})
    assert settings.store_name(found, "second") == "directory-2"
