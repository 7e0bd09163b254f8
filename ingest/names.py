"""Names of files as devices write them: read where they can be read, never changed.

Guarantee: `raw` keeps the exact bytes wherever the text alone would not give them back.  Path
parts, control and bidi characters stay in the text: a name is never used as a path, and whoever
shows it escapes it.
Not covered: guessing encodings other than UTF-8 and GB 18030 (which holds GBK and GB 2312).
"""

from dataclasses import dataclass

from storage.errors import TooLargeError

MAX_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Name:
    """`raw` is the hex of the bytes where `text.encode()` is not what was sent."""

    text: str
    raw: str | None = None


def read_name(sent: bytes) -> Name:
    """The name as text, with its bytes kept beside it where they are not its UTF-8."""
    if len(sent) > MAX_BYTES:
        raise TooLargeError(f"filename: expected at most {MAX_BYTES} bytes, got {len(sent)}")
    if not sent:
        return Name("unnamed", "")
    for encoding in ("utf-8", "gb18030"):
        try:
            text = sent.decode(encoding)
        except UnicodeDecodeError:
            continue
        break
    else:
        text = sent.decode("utf-8", errors="replace")
    # PostgreSQL's text cannot hold NUL, so it alone is replaced.
    text = text.replace("\0", "\ufffd")
    return Name(text, None if text.encode("utf-8", "surrogatepass") == sent else sent.hex())
