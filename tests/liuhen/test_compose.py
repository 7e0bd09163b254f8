"""docker-compose.yml: valid for Debian's docker-compose, pinned, healthy, without default secrets."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from liuhen.settings import load

ROOT = Path(__file__).parents[2]
SECRETS = ("LIUHEN_DATABASE_PASSWORD", "LIUHEN_STORE_ACCESS_KEY", "LIUHEN_STORE_SECRET_KEY")


def compose(**environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["docker-compose", "-f", str(ROOT / "docker-compose.yml"), "config"],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment},
        cwd="/", capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    found = compose(**dict.fromkeys(SECRETS, "secret"))
    assert found.returncode == 0, found.stderr
    return dict(yaml.safe_load(found.stdout))


@pytest.mark.parametrize("missing", SECRETS)
def test_no_secret_has_a_default(missing: str) -> None:
    found = compose(**{name: "x" for name in SECRETS if name != missing})
    assert found.returncode != 0
    assert ".env" in found.stderr


def test_three_services_with_health_checks(config: dict[str, Any]) -> None:
    assert sorted(config["services"]) == ["database", "objects", "server"]
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    assert "HEALTHCHECK" in dockerfile
    for name in ("database", "objects"):
        assert config["services"][name]["healthcheck"]["test"]


def test_images_are_pinned(config: dict[str, Any]) -> None:
    texts = [(ROOT / "deploy" / f).read_text() for f in ("Dockerfile", "minio.Dockerfile")]
    images = [s["image"] for s in config["services"].values() if "image" in s]
    images += [m for text in texts for m in re.findall(r"^FROM (\S+)", text, re.MULTILINE)]
    assert len(images) >= 4
    for image in images:
        tag = image.partition(":")[2]
        assert re.search(r"\d+\.\d+", tag), image
    assert "uv export -q --frozen" in texts[0], "built from the lock file"


def test_only_loopback_is_published(config: dict[str, Any]) -> None:
    ports = [p for s in config["services"].values() for p in s.get("ports", [])]
    assert ports
    assert all(str(port).startswith("127.0.0.1:") for port in ports)


def test_the_server_understands_its_environment(config: dict[str, Any]) -> None:
    environment = config["services"]["server"]["environment"]
    settings = load(None, {k: str(v) for k, v in environment.items()})
    assert settings.store.kind == "s3"
    assert settings.database.url.startswith("postgresql://")
