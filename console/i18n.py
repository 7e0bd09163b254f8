"""Two languages, zh-CN first: the catalogues and who gets which.

Guarantee: both catalogues have the same keys and the same placeholders, checked when they are
loaded; a missing key is a KeyError, so that no page ever shows half a sentence of the other
language.
Not covered: what people typed (titles, reasons, names): it is shown as it is.
"""

import json
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from console import shown

LANGUAGES = ("zh-CN", "en")
COOKIE = "lang"
_FOLDER = Path(__file__).parent / "locale"


def placeholders(text: str) -> frozenset[str]:
    """The names in braces."""
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name)


def load(folder: Path = _FOLDER) -> Mapping[str, Mapping[str, str]]:
    """Both catalogues; ValueError if they differ in keys or placeholders."""
    found: dict[str, dict[str, str]] = {
        language: json.loads((folder / f"{language}.json").read_text("utf-8"))
        for language in LANGUAGES
    }
    first, second = (found[language] for language in LANGUAGES)
    if differing := sorted(first.keys() ^ second.keys()):
        raise ValueError(f"catalogues: expected the same keys, got {', '.join(differing)} once")
    for key, text in first.items():
        if placeholders(text) != placeholders(second[key]):
            raise ValueError(f"catalogues: expected the same placeholders in {key}")
    return found


CATALOGUES = load()


def negotiate(cookie: str | None, accept: str | None, default: str = "zh-CN") -> str:
    """The cookie's language, else the best of Accept-Language (RFC 9110, 12.5.4), else `default`."""
    if cookie in LANGUAGES:
        return cookie
    wishes: list[tuple[float, int, str]] = []
    for place, part in enumerate((accept or "").split(",")[:20]):
        tag, _, parameter = part.strip().partition(";")
        try:
            quality = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        primary = tag.strip().lower().split("-")[0]
        language = {"zh": "zh-CN", "en": "en"}.get(primary)
        if language is not None and quality > 0:
            wishes.append((-quality, place, language))
    return min(wishes)[2] if wishes else default


@dataclass(frozen=True, slots=True)
class Speech:
    """One language and the server's time zone: what a page or a problem is written with."""

    language: str
    zone: ZoneInfo

    def __call__(self, key: str, /, **values: Any) -> str:
        return CATALOGUES[self.language][key].format(**values)

    def text(self, key: str) -> str:
        """The sentence with its places, as it stands in the catalogue."""
        return CATALOGUES[self.language][key]

    def has(self, key: str) -> bool:
        return key in CATALOGUES[self.language]

    def choice(self, prefix: str, value: str) -> str:
        """`prefix.value` where there is such a word, else the value itself, made visible."""
        key = f"{prefix}.{value}"
        return self(key) if self.has(key) else shown.visible(value)

    def time(self, ms: int) -> str:
        return shown.local_time(ms, self.zone, self("format.time"))

    def listed(self, parts: list[str]) -> str:
        return self("format.comma").join(parts)


SPEECH: web.RequestKey[Speech] = web.RequestKey("SPEECH", Speech)


def speech_of(request: web.Request, zone: ZoneInfo, default: str) -> Speech:
    """The speech of this request; remembered on it."""
    if SPEECH not in request:
        request[SPEECH] = Speech(
            negotiate(request.cookies.get(COOKIE), request.headers.get("Accept-Language"), default),
            zone,
        )
    return request[SPEECH]
