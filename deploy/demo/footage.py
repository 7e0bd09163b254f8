"""Makes the footage of two small cases with ffmpeg: what the devices of two checks could have left.

    python deploy/demo/footage.py FOLDER

    complete/DSJL907_020417_…_0001.mp4   body camera, H.264 + AAC: plays as it is
    complete/…_0001.WAV                  pocket recorder, G.711 A-law: needs a playable copy
    complete/IPC0007_000000_…_0001.mp4   fixed camera, HEVC: needs a playable copy
    complete/DSJL907_020417_…_0002.mp4   the battery died: cut off before its index was written
    hole/DSJL908_020418_…_0001.mp4       body camera, three days earlier …
    hole/DSJL908_020418_…_0002.mp4       … and forty seconds later: nothing was recorded between
    waiting/DSJL908_020418_…_0011.mp4    three of the same visit, on its way out, that nobody has linked
    waiting/DSJL907_020417_…_0011.mp4    two of the days before, of no case; one is handed over too late

The pictures carry a running clock, as such devices burn it in.  Nothing here is real.
A file that is already there is kept, so the same folder gives the same bytes again; the moment of
the first making is kept beside them, and all times hang on it.
"""

import datetime
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ffmpeg

CHINA = datetime.timezone(datetime.timedelta(hours=8))
SECONDS = 10
HOLE_SECONDS = 40
ON_THE_WAY_OUT = (64, 84, 104)  # seconds after the arrival; the officers left after 60
BEFORE = datetime.timedelta(hours=2)  # how long ago the complete case was recorded
NO_CASE = (datetime.timedelta(hours=60), datetime.timedelta(hours=20))  # … what belongs to none
DAYS_BEFORE = datetime.timedelta(days=3)  # … and the one with the hole: too late to hand over
FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc",
    "/usr/share/fonts/opentype/noto/NotoSerifCJK-Bold.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
)
# A street at night: sky, road, a lane marking that runs towards the viewer, passing lights.
SCENE = (
    "gradients=s={size}:r={rate}:d={seconds}:c0=0x0b1020:c1=0x1c2740:n=2:seed=7:speed=0.00001,"
    "drawbox=x=0:y=ih*0.55:w=iw:h=ih*0.45:color=0x2a2d33:t=fill,"
    "drawbox=x=iw*0.06:y=ih*0.22:w=iw*0.2:h=ih*0.34:color=0x171b26:t=fill,"
    "drawbox=x=iw*0.09:y=ih*0.28:w=iw*0.03:h=ih*0.06:color=0xd9b65c@0.8:t=fill,"
    "drawbox=x=iw*0.18:y=ih*0.38:w=iw*0.03:h=ih*0.06:color=0xd9b65c@0.5:t=fill,"
    "drawbox=x=iw*0.72:y=ih*0.3:w=iw*0.22:h=ih*0.26:color=0x141822:t=fill"
)


def _font() -> str | None:
    return next((path for path in FONTS if Path(path).exists()), None)


def _box(
    picture: Any,
    rate: int,
    seconds: int,
    *,
    speed: float,
    y: str,
    size: str,
    color: str,
    ahead: int = 0,
) -> Any:
    """A light that crosses the picture, left to right, again and again."""
    light = ffmpeg.input(f"color=c={color}:s={size}:r={rate}:d={seconds}", f="lavfi")
    return picture.overlay(light, x=f"mod(t*{speed}*W,W*1.2)-W*0.1+{ahead}", y=y, shortest=1)


def _picture(size: str, rate: int, seconds: int, start: datetime.datetime, caption: str) -> Any:
    scene = SCENE.format(size=size, rate=rate, seconds=seconds)
    picture = ffmpeg.input(scene, f="lavfi")
    picture = _box(picture, rate, seconds, speed=0.11, y="H*0.60", size="90x34", color="0x3a4a6a")
    picture = _box(
        picture, rate, seconds, speed=0.11, y="H*0.62", size="14x9", color="0xfff3c4", ahead=76
    )
    picture = _box(picture, rate, seconds, speed=0.23, y="H*0.78", size="150x56", color="0x5a2326")
    picture = _box(picture, rate, seconds, speed=0.23, y="H*0.81", size="20x12", color="0xff5a4a")
    picture = picture.filter("noise", alls=7, allf="t", all_seed=1)
    font = _font()
    if font is None:
        return picture  # no font on this machine: the picture is still a picture
    look = {
        "fontfile": font, "fontsize": "h/22", "fontcolor": "white", "borderw": 2, "bordercolor": "black",
    }  # fmt: skip
    # gmtime knows no zone: the shift makes it show the clock on the wall.
    wall = int(start.timestamp()) + 8 * 3600
    clock = rf"%{{pts:gmtime:{wall}:%Y-%m-%d %H\:%M\:%S}}"
    picture = picture.drawtext(text=clock, escape_text=False, x="w-tw-h/30", y="h/30", **look)
    if "CJK" not in font and "wqy" not in font:
        caption = caption.encode("ascii", "ignore").decode().strip()
    return picture.drawtext(text=caption, x="h/30", y="h-th-h/30", **look)


def _voice(seconds: int, rate: int, pitch: int) -> Any:
    """Something that rises and falls like a voice in a room, with a tone at every full second."""
    formants = "+".join(
        f"{a}*sin(2*PI*{f}*t)" for a, f in ((0.3, pitch), (0.2, pitch * 4), (0.1, pitch * 9))
    )
    speech = f"({formants})*(0.5+0.5*sin(2*PI*3.1*t))*gt(sin(2*PI*0.35*t),-0.3)*0.6"
    beep = "0.3*sin(2*PI*880*t)*lt(mod(t,1),0.04)"
    return ffmpeg.input(
        f"aevalsrc={speech}+{beep}+0.01*(random(0)-0.5):s={rate}:d={seconds}".replace(",", r"\,"),
        f="lavfi",
    )


def _write(path: Path, output: Any) -> None:
    argv = output.compile(cmd=["ffmpeg", "-nostdin", "-v", "error"], overwrite_output=True)
    subprocess.run(argv, check=True, timeout=300)


def body_camera(
    path: Path, start: datetime.datetime, seconds: int = SECONDS, user: str = "020417"
) -> None:
    """H.264 + AAC, 720p, index at the end as cameras write it."""
    picture = _picture("1280x720", 25, seconds, start, f"DSJ-L9  {user}  执法记录仪")
    output = ffmpeg.output(
        picture, _voice(seconds, 48_000, 150), str(path), t=seconds,
        metadata=f"creation_time={start.astimezone(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}",
        **{"c:v": "libx264", "preset": "veryfast", "crf": 26, "pix_fmt": "yuv420p", "g": 50,
           "c:a": "aac", "b:a": "64k"},
    )  # fmt: skip
    _write(path, output)


def recorder(path: Path, seconds: int = SECONDS + 8) -> None:
    """G.711 A-law in WAV, 8 kHz."""
    output = ffmpeg.output(_voice(seconds, 8_000, 190), str(path), t=seconds, **{"c:a": "pcm_alaw"})
    _write(path, output)


def fixed_camera(path: Path, start: datetime.datetime, seconds: int = SECONDS) -> None:
    """HEVC without sound."""
    output = ffmpeg.output(
        _picture("960x540", 15, seconds, start, "IPC07  卡口07"), str(path), t=seconds,
        **{"c:v": "libx265", "preset": "ultrafast", "crf": 28, "pix_fmt": "yuv420p", "tag:v": "hvc1",
           "x265-params": "log-level=none"},
    )  # fmt: skip
    _write(path, output)


def cut_off(path: Path, whole: Path) -> None:
    """What a camera leaves whose battery dies: the samples, but no index."""
    data = whole.read_bytes()
    index = data.rindex(b"moov") - 4
    path.write_bytes(data[: index * 2 // 3])


def moment(folder: Path) -> datetime.datetime:
    """The moment that all times hang on: a full minute, drawn at the first making."""
    kept = folder / ".moment"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        now = datetime.datetime.now(CHINA).replace(second=0, microsecond=0)
        kept.write_text(now.isoformat())
    return datetime.datetime.fromisoformat(kept.read_text())


def check_begins(folder: Path) -> datetime.datetime:
    """When the officers of the complete case arrived."""
    return moment(folder) - BEFORE


def gap_begins(folder: Path) -> datetime.datetime:
    """When the officers of the case with the hole arrived."""
    return moment(folder) - DAYS_BEFORE


def make_footage(folder: Path) -> dict[str, list[Path]]:
    """The files of both cases, and those that are left to be linked, made where they are missing."""
    first, second = check_begins(folder), gap_begins(folder)

    def named(part: str, device: str, at: datetime.datetime, number: int, end: str) -> Path:
        device = f"{device}_" if device else ""
        form = "%Y%m%d%H%M%S" if device else "%Y%m%d_%H%M%S"
        return folder / part / f"{device}{at:{form}}_{number:04}{end}"

    def after(start: datetime.datetime, seconds: int) -> datetime.datetime:
        return start + datetime.timedelta(seconds=seconds)

    body = named("complete", "DSJL907_020417", first, 1, ".mp4")
    sound = named("complete", "", after(first, -7), 1, ".WAV")
    fixed = named("complete", "IPC0007_000000", after(first, 8), 1, ".mp4")
    broken = named("complete", "DSJL907_020417", after(first, 895), 2, ".mp4")
    one = named("hole", "DSJL908_020418", second, 1, ".mp4")
    two = named("hole", "DSJL908_020418", after(second, SECONDS + HOLE_SECONDS), 2, ".mp4")
    work: list[tuple[Path, datetime.datetime, Callable[[Path, datetime.datetime], None]]] = [
        (body, first, body_camera),
        (sound, after(first, -7), lambda part, _: recorder(part)),
        (fixed, after(first, 8), fixed_camera),
        (broken, after(first, 895), lambda part, _: cut_off(part, body)),
        (one, second, lambda part, at: body_camera(part, at, user="020418")),
        (two, after(second, 50), lambda part, at: body_camera(part, at, user="020418")),
    ]
    waiting: list[Path] = []
    for number, seconds in enumerate(ON_THE_WAY_OUT, 11):
        at = after(second, seconds)
        waiting.append(named("waiting", "DSJL908_020418", at, number, ".mp4"))
        work.append((waiting[-1], at, lambda part, at: body_camera(part, at, user="020418")))
    for number, ago in enumerate(NO_CASE, 11):
        at = moment(folder) - ago
        waiting.append(named("waiting", "DSJL907_020417", at, number, ".mp4"))
        work.append((waiting[-1], at, body_camera))
    for path, at, make in work:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".making{path.suffix}")
            make(part, at)
            end = after(at, SECONDS).timestamp()
            os.utime(part, (end, end))  # a device's file was last changed when it ended
            part.replace(path)
    return {
        "complete": [body, sound, fixed, broken], "hole": [one, two], "waiting": waiting,
    }  # fmt: skip


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python deploy/demo/footage.py FOLDER")
    for files in make_footage(Path(sys.argv[1])).values():
        for made in files:
            sys.stdout.write(f"{made}\n")
