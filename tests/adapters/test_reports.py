"""Reports as files: whole, named, never half, and shown by a real browser where there is one."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from core.report_parts import NEW, never_moved, read, rolled_back, template, with_state
from tidegate.adapters import reports
from tidegate.adapters.rootdir import module_texts, template_texts
from tidegate.core import trace
from tidegate.core.errors import InvalidInput, UsageError
from tidegate.core.render import render
from tidegate.core.report import TEMPLATE, page

FORMS = {"report.html", "report.txt", "report.md", "report.json"}
TRACE = {"rollout.json", "samples.csv"}


def test_every_form_is_written_under_the_id_of_the_rollout(tmp_path: Path) -> None:
    report = rolled_back()
    places = reports.write(tmp_path / "reports", report, template())
    assert set(places) == FORMS | TRACE
    assert next(iter(places)) == "report.html"
    assert {p.name for p in (tmp_path / "reports" / report.state.id).iterdir()} == set(places)
    assert all(Path(place).is_file() for place in places.values())
    assert Path(places["report.html"]).read_text(encoding="utf-8") == page(report, template())
    assert json.loads(Path(places["report.json"]).read_text())["exit_code"] == 6


def test_the_evidence_can_be_read_again(tmp_path: Path) -> None:
    report = rolled_back()
    places = reports.write(tmp_path, report, template())
    rollout, samples, warnings = trace.read(*(Path(places[n]).read_text() for n in sorted(TRACE)))
    assert (rollout, warnings) == (report.rollout, ())
    assert set(samples.by_key) == set(report.samples.by_key)


def test_without_traffic_there_is_no_trace(tmp_path: Path) -> None:
    assert set(reports.write(tmp_path, never_moved(), template())) == FORMS


def test_writing_again_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    first = reports.write(tmp_path, rolled_back(), template())
    second = reports.write(tmp_path, rolled_back(image="demo/orders:v3"), template())
    assert first == second
    assert "demo/orders:v3" in Path(second["report.html"]).read_text()
    assert {p.name for p in Path(second["report.md"]).parent.iterdir()} == FORMS | TRACE


def test_bytes_that_are_no_text_do_not_cost_the_report(tmp_path: Path) -> None:
    image = os.fsdecode(b"demo/\xff:v1")
    places = reports.write(tmp_path, rolled_back(image=image), template())
    assert "demo/\\udcff:v1" in Path(places["report.html"]).read_text(encoding="utf-8")


def test_a_faulty_template_costs_the_page_alone(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=re.escape(f"{TEMPLATE}:1")):
        reports.write(tmp_path, rolled_back(), "{{ no_such_thing }}")
    assert {p.name for p in (tmp_path / rolled_back().state.id).iterdir()} == (FORMS | TRACE) - {
        "report.html"
    }


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("in the way")
    with pytest.raises(UsageError, match="cannot be written: Not a directory"):
        reports.write(tmp_path / "reports", rolled_back(), template())


def test_a_file_that_cannot_be_replaced_leaves_no_temporary_one(tmp_path: Path) -> None:
    place = tmp_path / rolled_back().state.id
    (place / "report.md" / "in the way").mkdir(parents=True)
    with pytest.raises(UsageError, match=r"report\.md.* cannot be written"):
        reports.write(tmp_path, rolled_back(), template())
    assert {p.name for p in place.iterdir()} == {"report.txt", "report.md"}


def test_the_template_comes_with_tidegate_and_is_no_root_module() -> None:
    from tidegate.flows.prepare import Source
    from tidegate.flows.prepare import read as read_spec

    text = (
        b"service: orders\nproject: demo-project\nregion: europe-west1\n"
        b"containers:\n  - {name: app, port: 8080, image: demo/orders:v1}\n"
    )
    spec = read_spec(Source(text, "tidegate.yaml", None))
    texts = template_texts()
    assert TEMPLATE in texts
    without = {path: t for path, t in texts.items() if path != TEMPLATE}
    assert render(spec, texts, module_texts()) == render(spec, without, module_texts())


# ---------------------------------------------------------------------------------------- in a real browser

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SETTINGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--hide-scrollbars",
)  # fmt: skip
browser = pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine to show the page with")


def browse(profile: Path, page: Path, *wanted: str) -> str:
    assert BROWSER is not None
    done = subprocess.run(
        [BROWSER, *SETTINGS, f"--user-data-dir={profile}", *wanted, page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


@browser
def test_a_browser_reads_the_page_as_it_was_meant(tmp_path: Path) -> None:
    hostile = "</style><script>document.title = 'owned'</script>"
    report = with_state(rolled_back(image=hostile), owner='"><img src=x onerror="document.title=1">')
    place = Path(reports.write(tmp_path, report, template())["report.html"])
    seen = read(browse(tmp_path / "profile", place, "--dump-dom").strip())
    assert seen.all("title")[0].text == "orders: rolled back, recovered"
    assert seen.all("script") == []
    assert seen.all("img") == []
    written = read(place.read_text(encoding="utf-8"))
    assert [e.tag for e in seen.walk()] == [e.tag for e in written.walk()]


@browser
def test_a_browser_prints_and_pictures_the_page(tmp_path: Path) -> None:
    place = Path(reports.write(tmp_path, rolled_back(), template())["report.html"])
    pdf, png = tmp_path / "page.pdf", tmp_path / "page.png"
    browse(tmp_path / "profile", place, f"--print-to-pdf={pdf}")
    browse(tmp_path / "profile", place, f"--screenshot={png}", "--window-size=1200,1600")
    assert pdf.read_bytes().startswith(b"%PDF")
    assert png.read_bytes().startswith(b"\x89PNG")
    assert NEW in place.read_text(encoding="utf-8")
