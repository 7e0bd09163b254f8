"""The shell of the pages with script, and its files."""

import re
from pathlib import Path

from console import web_app
from console.security import APP_POLICY
from tests.console.conftest import House


async def test_every_address_of_the_app_answers_the_shell_in_the_wished_language(
    small: House,
) -> None:
    for address in ("/app/", "/app/cases/whatever/replay"):
        async with small.session().get(address, headers={"Accept-Language": "en"}) as answer:
            text = await answer.text()
            assert answer.status == 200
            assert answer.headers["Content-Security-Policy"] == APP_POLICY
            assert '<html lang="en">' in text
    assert re.search('name="liuhen-zone" content="[A-Z][A-Za-z]+(/[A-Za-z_]+)?"', text)
    assert "style=" not in text
    assert not re.search(r"<script(?![^>]*\bsrc=)", text), "no script stands in the page"
    for address in re.findall(r'(?:src|href)="(/app/[^"]+)"', text):
        async with small.session().get(address) as answer:
            assert answer.status == 200
            assert "immutable" in answer.headers["Cache-Control"]


async def test_a_file_that_was_not_built_is_missing(small: House) -> None:
    async with small.session().get(
        "/app/assets/none.js", headers={"Accept": "application/json"}
    ) as answer:
        assert answer.status == 404


def test_a_server_without_built_pages_says_so(tmp_path: Path) -> None:
    built = web_app.Built(tmp_path)
    assert built.shell is None
    assert built.files == {}
