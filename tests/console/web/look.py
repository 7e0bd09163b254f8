"""What is wrong with how a page looks, found by measuring it: for tests and for whoever takes pictures."""

import re

from playwright.async_api import Page

ROOMS = (
    "/", "/account", "/help", "/upload", "/inbox", "/overdue", "/cases", "/cases/import", "/recordings", "/approvals", "/verify",
)  # fmt: skip
ADMIN = (
    "/admin/organs", "/admin/people", "/admin/tokens", "/admin/procedures", "/admin/rules",
    "/admin/policies", "/admin/rosters", "/admin/devices", "/admin/jobs", "/admin/health", "/admin/audit",
)  # fmt: skip
HAN = re.compile(r"[\u3400-\u9fff]")
LATIN = re.compile(r"[A-Za-z]{4,}")
KEY = re.compile(
    r"\b(?:home|nav|state|inbox|cases?|upload|replay|verify|admin|format|role|problem)\.[a-z_]+(?:\.[a-z_]+)*\b"
)
ALLOWED = re.compile(
    r"Liuhen|liuhen scrub|English|Ctrl|Shift|Enter|Esc|JSON|TOML|tlog-proof|Ed25519|SHA-?256|TOTP|XLSX|[\w./-]+\.(?:json|csv|xlsx|mp4|ts)"
)
"""Latin words that a Chinese page may have: names of keys, formats and files."""

_CLIPPED = """() => {
  const found = [];
  for (const e of document.querySelectorAll('main *, header *, nav *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || e.closest('.sr, [hidden], canvas, svg') || !e.getClientRects().length) continue;
    const s = getComputedStyle(e);
    if (s.display === 'inline' || s.textOverflow === 'ellipsis') continue;
    const hides = v => v === 'hidden' || v === 'clip';
    if (hides(s.overflowX) && e.scrollWidth > e.clientWidth + 1 || hides(s.overflowY) && e.scrollHeight > e.clientHeight + 2)
      found.push(`${e.tagName}.${e.className}: ${e.textContent.trim().slice(0, 60)}`);
  }
  return found;
}"""
_OUTSIDE = """() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return [];
  return [`page is ${document.documentElement.scrollWidth} wide in ${wide}`];
}"""
_SMALL = """() => {
  const found = [];
  for (const e of document.querySelectorAll('main button, main a.button, main select, main summary, main input, .topbar a, .topbar button')) {
    if (!e.getClientRects().length || getComputedStyle(e).visibility === 'hidden' || e.disabled) continue;
    const box = (e.matches('input') && e.closest('label') || e).getBoundingClientRect();
    if (box.height < 43.5 || box.width < 43.5) found.push(`${e.tagName}.${e.className} ${Math.round(box.width)}x${Math.round(box.height)}: ${(e.textContent || e.name || e.getAttribute('aria-label') || '').trim().slice(0, 40)}`);
  }
  return found;
}"""
_WORDS = """() => {
  const found = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; (n = walk.nextNode());) {
    const e = n.parentElement;
    if (e.closest('[data-data], code, .person, .language, option, script, noscript, .brand')) continue;
    if (n.textContent.trim()) found.push(n.textContent.trim());
  }
  for (const e of document.querySelectorAll('[aria-label], [title], [placeholder]'))
    for (const a of ['aria-label', 'title', 'placeholder']) if (e.getAttribute(a)) found.push(e.getAttribute(a));
  return found;
}"""


async def misfits(page: Page) -> list[str]:
    """Text that is cut off without saying so, and what reaches beyond the page."""
    return [*await page.evaluate(_CLIPPED), *await page.evaluate(_OUTSIDE)]


async def too_small(page: Page) -> list[str]:
    """What a finger would miss: less than 44 points high or wide."""
    return list(await page.evaluate(_SMALL))


async def misspoken(page: Page, language: str, data: tuple[str, ...]) -> list[str]:
    """Raw keys, and words of the other language that are not names of the data."""
    found: list[str] = []
    for said in await page.evaluate(_WORDS):
        text = said
        for name in sorted(data, key=len, reverse=True):
            text = text.replace(name, "")
        if KEY.search(ALLOWED.sub("", text)):
            found.append(f"key: {text[:80]}")
        elif language == "en" and HAN.search(text):
            found.append(f"Chinese: {text[:80]}")
        elif language == "zh-CN" and LATIN.search(ALLOWED.sub("", text)):
            found.append(f"Latin: {text[:80]}")
    return found
