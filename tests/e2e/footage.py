"""Real recordings for end-to-end tests, made by ffmpeg."""

import subprocess
from pathlib import Path


def bulky(path: Path, seconds: int = 8) -> Path:
    """A recording that is large for its length (uncompressed picture): about 14 MB a second."""
    return _make(
        path, "-f", "lavfi", "-i", f"testsrc2=size=800x480:rate=25:duration={seconds}",
        "-c:v", "rawvideo", "-pix_fmt", "yuv420p",
    )  # fmt: skip


def camera(path: Path, seconds: int = 3) -> Path:
    """What a body camera takes: H.264 and AAC."""
    return _make(
        path, "-f", "lavfi", "-i", f"testsrc2=size=640x360:rate=25:duration={seconds}",
        "-f", "lavfi", "-i", f"sine=duration={seconds}", "-c:v", "libx264", "-preset", "ultrafast",
        "-pix_fmt", "yuv420p", "-c:a", "aac", "-shortest",
    )  # fmt: skip


def _make(path: Path, *arguments: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments, str(path)], check=True, timeout=120
    )
    return path
