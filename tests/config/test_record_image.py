"""Recording an image in a config: one value changes, the rest of the file is preserved."""

from __future__ import annotations

from pathlib import Path

import pytest

from ert_deploy.config.load import parse
from ert_deploy.config.yaml.edit import check_image, record_image, with_image
from ert_deploy.core.model.errors import Failed, UsageError
from tests.support.unprivileged import unprivileged

SAMPLE = (Path(__file__).parents[2] / "configs" / "ert.yaml").read_text().replace("YOUR-DEPLOYMENT", "ert")
IMAGE = "ghcr.io/me/ert-llm-backend@sha256:" + "ab" * 32


def test_the_sample_keeps_every_comment_and_is_valid_with_the_new_image(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(SAMPLE)
    path.chmod(0o640)
    diff = record_image(path, IMAGE)
    before, after = SAMPLE.splitlines(), path.read_text().splitlines()
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert len(changed) == 1
    assert changed[0][1].startswith(f"  image: {IMAGE} ")
    assert changed[0][1].endswith(changed[0][0].partition("#")[2])
    assert [line[0] for line in diff.splitlines() if IMAGE in line or "YOUR-NAME" in line] == ["-", "+"]
    assert parse(path.read_text(), path).desired.launch.image == IMAGE
    assert path.stat().st_mode & 0o777 == 0o640
    assert [entry.name for entry in tmp_path.iterdir()] == ["my.yaml"]


def test_recording_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(SAMPLE)
    record_image(path, IMAGE)
    stamp = path.stat().st_mtime_ns
    assert record_image(path, IMAGE) == ""
    assert path.stat().st_mtime_ns == stamp


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ('launch:\n  image: "a:1" # why\n', f"launch:\n  image: {IMAGE} # why\n"),
        ("launch: {image: 'a:1', model: m}\n", f"launch: {{image: {IMAGE}, model: m}}\n"),
        ("\u00e9: \u00fc\nlaunch:\n  model: m\n  image: a:1", f"\u00e9: \u00fc\nlaunch:\n  model: m\n  image: {IMAGE}"),
        ("image: other\nlaunch:\n  image: >-\n    a:1\n  model: m\n", None),
    ],
)
def test_every_way_of_writing_a_value(written: str, wanted: str | None) -> None:
    if wanted is None:
        with pytest.raises(UsageError):
            with_image(written, IMAGE)
    else:
        assert with_image(written, IMAGE) == wanted


@pytest.mark.parametrize(
    "text", ["launch:\n  model: m\n", "launch: [image]\n", "a: 1\n", "launch:\n  image:\n", "a: [\n"]
)
def test_a_config_without_the_key_is_said_before_anything_is_pushed(tmp_path: Path, text: str) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(text)
    for record in (lambda: record_image(path, IMAGE), lambda: check_image(path)):
        with pytest.raises(UsageError):
            record()
    assert path.read_text() == text


def test_a_link_goes_on_leading_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "my.yaml", tmp_path / "my.yaml"
    target.write_text(SAMPLE)
    link.symlink_to(target)
    record_image(link, IMAGE)
    assert link.is_symlink()
    assert IMAGE in target.read_text()


def test_a_file_that_cannot_be_replaced_is_left_and_said() -> None:
    with unprivileged() as folder:
        path = folder / "my.yaml"
        path.write_text(SAMPLE)
        folder.chmod(0o500)
        with pytest.raises(Failed, match="cannot be written"):
            record_image(path, IMAGE)
        folder.chmod(0o700)
