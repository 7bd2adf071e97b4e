"""Drives `navi serve` over OpenAI's Responses protocol; see scripts/e2e-providers.sh.

Usage: responses.py SCRATCH NAVI, as for providers.py.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from harness import Mismatch, get, post, rows, same_files
from providers import BUILT, HERE, REPOSITORIES, Scenarios, fixtures, turns
from witness import Witness

# The strongest model, which has tools in this protocol alone.
MODEL = "openai/gpt-6.1-sol"
NAME = "python"
FILE = REPOSITORIES[NAME]["file"]


def thoughtful(tag, by_item=True):
    """The turns of a run with reasoning in each. aimock counts every item of an answer as a turn of its
    own; behind a translator an answer is one."""
    made = fixtures(tag, REPOSITORIES[NAME])
    index = 0
    for number, (fixture, answer) in enumerate(zip(made, turns(REPOSITORIES[NAME]))):
        if number == 0:
            continue
        fixture["match"]["turnIndex"] = index
        fixture["response"]["reasoning"] = f"Turn {number}: I think before I act."
        items = bool(answer.get("content")) + len(answer.get("toolCalls", []))
        index += items if by_item else 1
    return made


class Responses(Scenarios):
    """The scenarios of providers.py, in another protocol."""

    def mocked(self, tags):
        fixture_file = self.scratch / "responses.json"
        made = [fixture for tag, by_item in tags for fixture in thoughtful(tag, by_item)]
        fixture_file.write_text(json.dumps({"fixtures": made}, indent=1))
        return self.mock(fixture_file)

    def proxy(self, upstream):
        config = self.scratch / "litellm-responses.yaml"
        config.write_text((HERE / "litellm_responses.yaml").read_text().replace("UPSTREAM", upstream))
        return self.litellm_of(config)

    def start(self, name, upstream):
        self.serve(name, upstream, OPENAI_PROTOCOL="responses")

    def log_of(self, name):
        return (self.scratch / "logs" / f"navi-{name}.log").read_text(errors="replace")

    # Claims about every run

    def repaired(self, summary, workspace, original):
        report = self.report
        report.claim("the run ended", (summary["success"], summary["stopped_reason"]), (True, "completed"))
        report.claim("verification", summary["verification"], "passed")
        report.claim("files that differ from the original", same_files(workspace, original, BUILT), [])
        report.that("the project's tests pass when we run them", self.tests_pass(NAME, workspace), NAME)

    def handed_back(self, entries, is_proxied=False):
        """Every reasoning item that was given out comes back with every later request, as it was, in order."""
        report = self.report
        answered = [entry for entry in entries if entry["status"] == 200]
        given, lost = [], []
        for entry in answered:
            back = [item for item in entry["body"]["input"] if item.get("type") == "reasoning"]
            lost += [number for number, item in enumerate(given) if back[number:number + 1] != [item]]
            given += [item for item in entry["items"] if item["type"] == "reasoning"]
        report.that("reasoning was given out", len(given) >= 4, f"{len(given)} items")
        report.claim("reasoning that did not come back as it was", lost, [])
        report.claim("requests that were refused", [entry["status"] for entry in entries if entry["status"] != 200], [])
        bodies = [entry["body"] for entry in answered]
        report.claim("store, include", {(body["store"], tuple(body["include"])) for body in bodies},
                     {(False, ("reasoning.encrypted_content",))})
        report.that("tools and reasoning in one request",
                    all(len(body["tools"]) > 5 and body["reasoning"].get("effort") != "none" for body in bodies),
                    (len(bodies[0]["tools"]), bodies[0]["reasoning"]))
        # A proxy puts the members of the body into an order of its own.
        raw = [json.dumps(body["input"]) if is_proxied else entry["raw"] for body, entry in zip(bodies, answered)]
        raw = [text.removesuffix("}").removesuffix("]") for text in raw]
        grown = [later.startswith(earlier) for earlier, later in zip(raw, raw[1:])]
        report.that("every conversation begins with the bytes of the one before", all(grown), f"{len(grown)} pairs")

    def counted(self, summary, entries):
        calls = [row for row in self.records(summary)["llm_metrics"] if row["phase"] == "autonomous"]
        usage = [entry["usage"] for entry in entries if entry.get("usage")]
        seen = [(row["input_tokens"], row["output_tokens"]) for row in calls]
        self.report.claim("llm_metrics: tokens = the provider's", seen,
                          [(counts["input_tokens"], counts["output_tokens"]) for counts in usage])

    # The scenarios

    def through(self, title, tag, witness, model=MODEL, is_proxied=False):
        self.report.section(title)
        stream, workspace, original = self.run(tag, NAME, model)
        summary = stream.summary()
        self.repaired(summary, workspace, original)
        said = "".join(event["text"] for event in stream.of("text"))
        self.report.that("text came through whole", "«ordentlich»" in said and "one thing at a time" in said, said[:40])
        if witness:
            entries = witness.of(tag)
            self.handed_back(entries, is_proxied)
            self.counted(summary, entries)
        return summary

    def killed(self, tag, witness, upstream):
        """The server is killed while a model thinks; the next one takes the run over."""
        report = self.report
        report.section("kill -9 between two turns")
        workspace, original = self.workspace(NAME, tag)
        arrived, released = witness.hold(tag, 3)
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": f"key-of-{tag.strip('[]')}"}
        body = {"message": f"{tag} {REPOSITORIES[NAME]['task']}", "model": MODEL, "workspace_path": str(workspace)}
        status, answer = post(f"{self.base}/api/jobs", body, headers)
        report.that("the job was taken", status == 200, (status, answer.get("start_reason")))
        job = answer["job"]["job_id"]
        report.that("its third turn was asked for", arrived.wait(60), len(witness.of(tag)))
        # The tools' results are on their way into the log; without them the next process would call them lost.
        time.sleep(1)
        name, process = next((name, it) for name, it in self.processes.running.items() if name.startswith("navi-"))
        os.kill(process.pid, signal.SIGKILL)
        report.claim("navi serve ended by", process.wait(10), -signal.SIGKILL)
        self.processes.running.pop(name)
        released.set()
        before = len(witness.of(tag))
        self.start(name.removeprefix("navi-"), upstream)
        headers["Authorization"] = f"Bearer {self.token}"
        end = time.monotonic() + 120
        found = {}
        while time.monotonic() < end and found.get("status") not in ("completed", "failed", "canceled"):
            time.sleep(0.3)
            found = json.loads(get(f"{self.base}/api/jobs/{job}", headers))
            found = found.get("job", found)
        report.claim("the job", found.get("status"), "completed")
        report.that("another process took it over", found.get("takeovers", 0) >= 1, found.get("takeovers"))
        self.repaired(found["summary"], workspace, original)
        entries = witness.of(tag)
        report.that("the same turn was asked for again, with the same bytes",
                    entries[before]["raw"] == entries[before - 1]["raw"], f"{len(entries)} requests")
        self.handed_back([entry for entry in entries if entry is not entries[before - 1]])

    def refused(self, tag, witness):
        """The provider does not accept its own reasoning any more in the middle of a run."""
        report = self.report
        report.section("reasoning that the provider refuses")
        witness.spoil(tag)
        stream, workspace, original = self.run(tag, NAME, MODEL)
        self.repaired(stream.summary(), workspace, original)
        entries = witness.of(tag)
        refused = [entry for entry in entries if entry["status"] == 400]
        answered = [entry for entry in entries if entry["status"] == 200]
        report.that("each new item was refused once", 4 <= len(refused) <= 5, len(refused))
        report.claim("reasoning in what was answered",
                     [item for entry in answered for item in entry["body"]["input"] if item.get("type") == "reasoning"], [])
        report.that("it was said", "asking again without the recorded reasoning" in self.log_of(self.org.removeprefix("e2e-")),
                    "in the log")

    def random(self, base):
        """An inference server with random weights, asked twice over one conversation."""
        report = self.report
        report.section("llama.cpp with random weights")
        before = self.llama_counts(base)
        message = "Tell me, at your leisure, what you think of cached prompts. " * 20
        for _ in range(2):
            body = {"message": message, "model": "openai/random"}
            status, answer = post(f"{self.base}/api/navi/chat", body, {"Authorization": f"Bearer {self.token}"})
            report.that("an answer", status == 200 and answer.get("gen_id"), (status, str(answer.get("detail"))))
        processed, cached, predicted = (there - here for here, there in zip(before, self.llama_counts(base)))
        calls = self.settled(f"select * from llm_metrics where org_id = '{self.org}'", 2)
        report.claim("llm_metrics: statuses", [row["status"] for row in calls], ["success"] * 2)
        report.claim("input = processed + cached, by llama.cpp's metrics",
                     sum(row["input_tokens"] for row in calls), processed + cached)
        report.claim("cache_read = cached", sum(row["cache_read_tokens"] for row in calls), cached)
        report.claim("output = predicted", sum(row["output_tokens"] for row in calls), predicted)

    def all(self):
        aimock = self.mocked([("[responses]", True), ("[killed]", True), ("[refused]", True), ("[proxied]", True),
                              ("[translated]", False)])
        witness = Witness(aimock)
        self.start("responses", witness.base)
        self.through("aimock: tools and reasoning", "[responses]", witness)
        self.refused("[refused]", witness)
        self.killed("[killed]", witness, witness.base)
        self.processes.stop("navi-responses")

        behind = Witness(aimock)
        litellm = self.proxy(behind.base)
        self.start("proxied", litellm)
        self.through("LiteLLM before aimock: tools and reasoning", "[proxied]", behind, is_proxied=True)
        self.through("LiteLLM, which translates into Anthropic's protocol", "[translated]", None, "openai/gpt-4.1-mini")
        self.processes.stop("navi-proxied")
        self.processes.stop("litellm")

        llama = self.llama()
        self.serve("random", llama, OPENAI_PROTOCOL="responses", NAVI_ASSUMED_CONTEXT_WINDOW="4096")
        self.random(llama)


def main():
    scenarios = Responses(Path(sys.argv[1]), sys.argv[2])
    try:
        scenarios.all()
    except (Mismatch, subprocess.SubprocessError, OSError, KeyError, IndexError) as error:
        scenarios.report.that("the scenarios ran to their end", False, f"{type(error).__name__}: {error}")
    finally:
        scenarios.processes.stop_all()
    report = scenarios.report
    print(f"\n{report.held} claims held, {len(report.broken)} did not")
    for broken in report.broken:
        print(f"  {broken}")
    sys.exit(1 if report.broken else 0)


if __name__ == "__main__":
    main()
