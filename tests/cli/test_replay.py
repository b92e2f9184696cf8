"""`tidegate replay` from the outside: what goes to which stream, exit codes, and one sentence per trouble."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from core.recorded import FAILING, HEALTHY, NEW, START, Recorded, texts
from tidegate import cli
from tidegate.cli.replaying import MANY
from tidegate.core.errors import ExitCode

GOOD, BAD = replace(HEALTHY, minutes=20), replace(FAILING, minutes=20)


class Ran(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.out)
        return found

    @property
    def sentences(self) -> list[str]:
        """What is said beside hints."""
        lines = [line for line in self.err.splitlines() if not line.startswith("hint: ")]
        return [line.removeprefix("error: ") for line in lines]


Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs `tidegate replay` in an empty directory, in this process."""
    monkeypatch.chdir(tmp_path)

    def start(*arguments: str) -> Ran:
        capfd.readouterr()
        code = cli.main(["replay", *arguments])
        out, err = capfd.readouterr()
        assert "Traceback" not in out + err
        return Ran(int(code), out, err)

    return start


def put(path: str, recorded: Recorded = GOOD, *, samples: bytes | None = None) -> Path:
    """A trace in the working directory, its samples.csv replaced where given."""
    place = Path(path)
    place.mkdir(parents=True)
    head, rows = texts(recorded)
    (place / "rollout.json").write_text(head)
    (place / "samples.csv").write_bytes(rows.encode() if samples is None else samples)
    return place


# ------------------------------------------------------------------------------------------- one trace


def test_one_trace_is_one_object(run: Run) -> None:
    put("bad", BAD)
    ran = run("bad", "--format", "json")
    assert (ran.code, ran.err) == (ExitCode.DONE, "")
    assert list(ran.data) == ["verdict", "attribution", "decided_at", "reasons", "metrics"]
    assert (ran.data["verdict"], ran.data["attribution"]) == ("rollback", "revision")


def test_one_trace_as_text(run: Run) -> None:
    put("bad", BAD)
    ran = run("bad")
    assert (ran.code, ran.err) == (ExitCode.DONE, "")
    assert ran.out.startswith(f"rollback {NEW} (attribution: revision)")


def test_a_file_of_the_trace_names_it(run: Run) -> None:
    put("good")
    assert run("good/rollout.json", "--format", "json").data == run("good", "--format", "json").data


def test_warnings_are_talk_and_in_the_data(run: Run) -> None:
    rows = texts(GOOD)[1]
    put("odd", samples=f"{rows}{START},goroutines,{NEW},,5\n{START},open_fds,orders-9,,5\n".encode())
    ran = run("odd", "--format", "json")
    warnings = ran.data["warnings"]
    assert isinstance(warnings, list)
    assert ran.err.splitlines() == [f"warning: {w}" for w in warnings]
    assert any("goroutines" in w for w in warnings)
    assert any("orders-9" in w for w in warnings)


def test_a_rollout_too_short_for_the_usual_warm_up_is_judged_with_a_shorter_one(run: Run) -> None:
    put("short", replace(GOOD, minutes=10))
    ran = run("short", "--format", "json")
    assert ran.err == "note: so short a rollout is judged with a warm_up of 100 s; a policy can say another\n"
    assert "warnings" not in ran.data
    Path("p.yaml").write_text("alpha: 0.01\n")
    assert run("short", "--policy", "p.yaml").err == ""


def test_fewer_looks_decide_later(run: Run) -> None:
    put("bad", BAD)
    often, seldom = (run("bad", "--format", "json", *o).data for o in ((), ("--look-every", "900")))
    assert seldom["decided_at"] == START + 180 + 900
    assert isinstance(often["decided_at"], float)
    assert often["decided_at"] < START + 180 + 900
    assert run("bad", "--look-every", "0").code == ExitCode.USAGE
    assert "looks" in run("bad", "--look-every", "0.0001").err


# ------------------------------------------------------------------------------------------- several


@pytest.mark.parametrize("arguments", [("all",), ("all/*",), ("all/good", "all/bad", "all/bad/")])
def test_several_traces_are_a_table(run: Run, arguments: tuple[str, ...]) -> None:
    put("all/good")
    put("all/bad", BAD)
    Path("all/notes.txt").write_text("not a trace")
    Path("all/empty").mkdir()
    ran = run(*arguments)
    assert (ran.code, ran.err) == (ExitCode.DONE, "")
    rows = sorted(line.split()[:2] for line in ran.out.splitlines()[2:4])
    assert rows == [["all/bad", "rollback"], ["all/good", "promote"]]
    assert ran.out.splitlines()[-1] == "2 traces: 1 promote, 1 rollback"


def test_several_traces_as_data(run: Run) -> None:
    put("all/good")
    put("all/bad", BAD)
    ran = run("all/*", "--format", "json")
    traces, summary = ran.data["traces"], ran.data["summary"]
    assert isinstance(traces, list)
    assert [(t["trace"], t["verdict"]) for t in traces] == [("all/bad", "rollback"), ("all/good", "promote")]
    assert summary == {"traces": 2, "promote": 1, "rollback": 1, "hold": 0, "errors": 0}
    del traces[0]["trace"]
    assert traces[0] == run("all/bad", "--format", "json").data


def test_many_traces_come_to_the_same_as_few(run: Run) -> None:
    """Enough of them for other processes to be started."""
    for number in range(MANY):
        put(f"all/{number:02}", replace(BAD if number % 3 else GOOD, minutes=8))
    (Path("all/05") / "samples.csv").write_text("time\n")
    ran = run("all", "--format", "json")
    assert ran.code == ExitCode.INVALID
    traces = ran.data["traces"]
    assert isinstance(traces, list)
    assert [t["trace"] for t in traces] == [f"all/{number:02}" for number in range(MANY)]
    for trace in (traces[0], traces[1]):
        one = run(trace.pop("trace"), "--format", "json")
        assert trace == one.data
    assert "samples.csv:1:1" in traces[5]["error"]


def test_what_cannot_be_read_is_a_line_and_the_rest_is_judged(run: Run) -> None:
    put("all/broken", samples=b"time,metric\n1,2\n")
    put("all/good")
    ran = run("all")
    assert ran.code == ExitCode.INVALID
    assert "all/broken  error" in ran.out
    assert "samples.csv:1:1" in ran.out
    assert "all/good    promote" in ran.out
    ran = run("all", "nowhere-else/rollout.json", "--format", "json")
    assert ran.code == ExitCode.USAGE
    ran = run("all", "--format", "json")
    assert ran.code == ExitCode.INVALID
    traces = ran.data["traces"]
    assert isinstance(traces, list)
    assert list(traces[0]) == ["trace", "error"]
    assert traces[1]["verdict"] == "promote"


# ------------------------------------------------------------------------------------------- policies


def test_a_policy_decides(run: Run) -> None:
    put("short", replace(GOOD, minutes=3))
    Path("strict.yaml").write_text("on_inconclusive: rollback\n")
    assert run("short", "--format", "json").data["verdict"] == "hold"
    assert run("short", "--policy", "strict.yaml", "--format", "json").data["verdict"] == "rollback"


SPEC = """\
service: orders
project: demo-project
region: europe-west1
containers: [{name: app, port: 8080}]
analysis: {required: [open_fds]}
environments:
  lenient: {analysis: {error_increase: 0.5, error_limit: 0.9}}
"""


@pytest.mark.parametrize(
    "policy",
    ["error_increase: 0.5\nerror_limit: 0.9\n", "analysis: {error_increase: 0.5, error_limit: 0.9}\n", SPEC],
)
def test_a_policy_is_a_spec_its_analysis_or_the_keys_of_that(run: Run, policy: str) -> None:
    put("bad", BAD)
    Path("p.yaml").write_text(policy)
    env = ("--env", "lenient") if policy == SPEC else ()
    ran = run("bad", "--policy", "p.yaml", *env, "--format", "json")
    assert ran.data["verdict"] != "rollback"
    if env:
        assert run("bad", "--policy", "p.yaml", "--format", "json").data["verdict"] == "rollback"


def test_a_policy_that_names_what_is_required_is_taken_at_its_word(run: Run) -> None:
    put("some", replace(GOOD, leave_out=("open_fds",)))
    Path("fds.yaml").write_text("required: [open_fds]\n")
    assert run("some", "--format", "json").data["verdict"] == "promote"
    Path("other.yaml").write_text("alpha: 0.02\n")
    assert run("some", "--policy", "other.yaml", "--format", "json").data["verdict"] == "promote"
    ran = run("some", "--policy", "fds.yaml", "--format", "json")
    assert ran.data["verdict"] == "hold"
    assert "fds" in str(ran.data["reasons"])


def test_every_fault_of_a_policy_is_told_with_its_place(run: Run) -> None:
    put("good")
    Path("p.yaml").write_text("alfa: 0.1\nmin_samples: 2\n")
    ran = run("good", "--policy", "p.yaml")
    assert ran.code == ExitCode.INVALID
    assert ran.out == ""
    first, second = ran.sentences
    assert first.startswith("p.yaml:1:1: unknown key alfa")
    assert "alpha" in first
    assert second.startswith("p.yaml:2:14: min_samples is 2")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--policy", "missing.yaml"), ExitCode.USAGE),
        (("--policy", "list.yaml"), ExitCode.INVALID),
        (("--policy", "bare.yaml", "--env", "prod"), ExitCode.USAGE),
        (("--env", "prod"), ExitCode.USAGE),
    ],
)
def test_a_policy_that_cannot_be_used(run: Run, options: tuple[str, ...], code: ExitCode) -> None:
    put("good")
    Path("list.yaml").write_text("- 1\n")
    Path("bare.yaml").write_text("alpha: 0.02\n")
    ran = run("good", *options)
    assert ran.code == code
    assert ran.out == ""
    assert len(ran.sentences) == 1


# ------------------------------------------------------------------------------------------- bad input


def without(name: str) -> Callable[[Path], None]:
    return lambda place: (place / name).unlink()


def holding(name: str, content: bytes) -> Callable[[Path], None]:
    def write(place: Path) -> None:
        (place / name).write_bytes(content)

    return write


def head(change: Callable[[dict[str, object]], object]) -> Callable[[Path], None]:
    def write(place: Path) -> None:
        found = json.loads((place / "rollout.json").read_text())
        change(found)
        (place / "rollout.json").write_text(json.dumps(found))

    return write


BROKEN: dict[str, tuple[Callable[[Path], None], ExitCode, str]] = {
    "no head": (without("rollout.json"), ExitCode.USAGE, "has no rollout.json"),
    "no samples": (without("samples.csv"), ExitCode.USAGE, "has no samples.csv"),
    "empty head": (holding("rollout.json", b""), ExitCode.INVALID, "rollout.json:1:1"),
    "empty samples": (holding("samples.csv", b""), ExitCode.INVALID, "samples.csv:1:1"),
    "binary": (holding("samples.csv", b"time\x00\xff\xfe\x80"), ExitCode.INVALID, "samples.csv:1:6"),
    "zeros": (holding("samples.csv", bytes(5000)), ExitCode.INVALID, "samples.csv:1:1"),
    "utf-16": (holding("rollout.json", "{}".encode("utf-16")), ExitCode.INVALID, "rollout.json:1:1"),
    "end before start": (head(lambda h: h.update(end=1)), ExitCode.INVALID, "ends after its last step"),
    "steps out of order": (
        head(lambda h: h.update(steps=[{"time": 9, "percent": 5}, {"time": 8, "percent": 9}])),
        ExitCode.INVALID,
        "steps go forward in time",
    ),
    "no steps": (head(lambda h: h.update(steps=[])), ExitCode.INVALID, "at least one step"),
    "other format": (head(lambda h: h.update(format="x")), ExitCode.INVALID, "tidegate-trace/1"),
}


@pytest.mark.parametrize("kind", sorted(BROKEN))
def test_a_broken_trace_is_one_sentence(run: Run, kind: str) -> None:
    spoil, code, said = BROKEN[kind]
    spoil(put("broken"))
    ran = run("broken")
    assert ran.code == code
    assert ran.out == ""
    assert len(ran.sentences) == 1
    assert said in ran.err


@pytest.mark.parametrize("argument", ["nowhere", "no*where", "", "\x00", "notes.txt", "folder", "x" * 5000])
def test_what_is_no_trace(run: Run, argument: str) -> None:
    Path("notes.txt").write_text("hello")
    Path("folder").mkdir()
    ran = run(argument)
    assert ran.code == ExitCode.USAGE
    assert ran.out == ""
    assert len(ran.sentences) == 1


def test_only_a_header_is_held(run: Run) -> None:
    put("bare", samples=b"time,metric,revision,instance,value\n")
    ran = run("bare", "--format", "json")
    assert ran.code == ExitCode.DONE
    assert (ran.data["verdict"], ran.data["attribution"]) == ("hold", "unknown")
    assert "no sample at all" in ran.err


def test_a_replay_without_a_policy_imports_no_client_library(run: Run) -> None:
    put("good")
    code = (
        "import sys; from tidegate.cli import main; main(['replay', 'good', '--format', 'json']);"
        "heavy = {'google', 'grpc', 'pydantic', 'jinja2', 'rich', 'ruamel', 'requests'} & set(sys.modules);"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"] == "promote"


def test_metrics_of_ones_own_and_dry_runs_come_from_the_policy(run: Run) -> None:
    rows = texts(BAD)[1]
    put("bad", BAD, samples=f"{rows}{START + 60},queue_length,{NEW},,5\n".encode())
    Path("p.yaml").write_text(
        "dry_run: [error_ratio]\nmetrics: {queue_length: {filter: 'metric.type = \"x.com/queue\"'}}\n"
    )
    ran = run("bad", "--policy", "p.yaml", "--format", "json")
    assert ran.err == ""
    assert ran.data["verdict"] != "rollback"
    metrics = ran.data["metrics"]
    assert isinstance(metrics, list)
    (errors,) = [m for m in metrics if m["metric"] == "error_ratio"]
    assert (errors["finding"], errors["decisive"]) == ("worse", False)
    assert "queue_length" in run("bad", "--format", "json").err


def test_the_policy_of_the_manual_can_be_used(run: Run) -> None:
    put("good")
    manual = (Path(__file__).parents[2] / "docs" / "replay.md").read_text(encoding="utf-8")
    (policy,) = re.findall(r"```yaml\n(.*?)```", manual, re.DOTALL)
    Path("p.yaml").write_text(policy)
    ran = run("good", "--policy", "p.yaml", "--format", "json")
    assert ran.code == ExitCode.DONE
    assert ran.data["verdict"] == "rollback"  # no memory was measured, and that is what it says then
