#!/usr/bin/env python3
"""Messages a second and core that are checked, by throughline and by three peers, in turns in one run.

    .ci/setup                     (gets dkimpy and mailauth)
    benches/auth.py [CORPUS] [--turns 3] [--messages 2000]

CORPUS is a folder with `index.jsonl`, `dns.json` and `msg/`; without it one is made by ../shared/bench/gen_auth_corpus.py. Every
turn runs ours beside the mail-auth crate (benches/auth, which takes turns of its own), then mailauth, then dkimpy. All are given
the same answers in memory and ask no network. Node's first round in a turn is left out, as it still compiles. What each found is
compared with what the corpus expects.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
GENERATOR = ROOT.parent / "shared" / "bench" / "gen_auth_corpus.py"
PEERS = ROOT / "auth" / "tests" / "peers"
MAILAUTH = ROOT / "target" / "peers"
BENCH = ROOT / "benches" / "auth"
GOALS = {"mail-auth": 0.95, "mailauth": 15}
CHECKS = {
    "throughline": "DKIM, ARC (every seal and message signature), SPF, DMARC, with a reason for each; keys parsed once a round",
    "mail-auth": "DKIM, ARC, SPF, DMARC; all records parsed before the clock starts",
    "mailauth": "DKIM, ARC (the newest message signature, every seal), SPF, DMARC; parses a key each time",
    "dkimpy": "DKIM and ARC only; parses a key each time, RSA in Python",
}


def python():
    """The first Python that has dkimpy."""
    for candidate in ("python3", "/usr/bin/python3"):
        probe = [candidate, "-c", "import dkim, nacl, authres, cryptography, numpy"]
        if subprocess.run(probe, capture_output=True).returncode == 0:
            return candidate
    sys.exit("no python3 has dkimpy and what the corpus is made with. Try: .ci/setup")


def read_corpus(corpus, folder):
    """Writes the two lists that the peers read; gives what is expected, by message."""
    expected = {}
    with open(folder / "messages.jsonl", "w", encoding="utf-8") as out:
        for line in open(corpus / "index.jsonl", encoding="utf-8"):
            entry = json.loads(line)
            expected[entry["file"]] = entry["expect"]
            message = {"name": entry["file"], "file": str(corpus / entry["file"]), "zone": "corpus", "at": 4_000_000_000}
            message |= {"client": entry["ip"], "helo": entry["helo"], "envelope_sender": entry["mail_from"]}
            out.write(json.dumps(message | {"signatures": entry["signatures"]}) + "\n")
    with open(folder / "dns.jsonl", "w", encoding="utf-8") as out:
        for name, types in json.loads((corpus / "dns.json").read_text()).items():
            for kind, records in types.items():
                data = ["".join(record) if isinstance(record, list) else record for record in records]
                out.write(json.dumps({"zone": "corpus", "name": name, "type": kind, "status": "NOERROR", "data": data}) + "\n")
    return expected


def run(command):
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True).stdout


def found(lines):
    """What a peer found, by message and check; a message's DKIM passes if one of its signatures does."""
    verdicts = {}
    for line in map(json.loads, lines.splitlines()):
        results = verdicts.setdefault(line["name"], {})
        if results.get(line["kind"]) != "pass":
            results[line["kind"]] = line["result"]
    return verdicts


def judge(name, verdicts, expected):
    """Counts the verdicts that are as expected."""
    wrong = []
    checks = ["dkim", "arc"] if name == "dkimpy" else ["dkim", "arc", "spf", "dmarc"]
    for message, results in expected.items():
        for check in checks:
            # The corpus calls every result that is no pass `fail`.
            said = verdicts.get(message, {}).get(check)
            if said != results[check]:
                wrong.append(f"{message}: {check} is {results[check]}, {name} says {said}")
    total = len(expected) * len(checks)
    return f"{total - len(wrong)} of {total} verdicts as expected" + "".join(f"\n             {line}" for line in wrong[:5])


def seconds(lines):
    return [json.loads(line)["seconds"] for line in lines.splitlines()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", type=pathlib.Path)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--messages", type=int, default=2000)
    options = parser.parse_args()
    if not (MAILAUTH / "node_modules" / "mailauth").is_dir():
        sys.exit(f"{MAILAUTH}: no mailauth. Try: .ci/setup")
    interpreter = python()
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target" / "bench-auth"))
    build = ["cargo", "build", "--release", "--locked", "--quiet", "--target-dir", str(target)]
    subprocess.run(build, check=True, cwd=BENCH)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        corpus = options.corpus and options.corpus.resolve()
        if corpus is None:
            corpus = folder / "corpus"
            run([interpreter, GENERATOR, "--messages", options.messages, "--out", corpus])
        expected = read_corpus(corpus, folder)
        lists = [folder / "messages.jsonl", folder / "dns.jsonl"]
        mailauth = ["node", PEERS / "mailauth.mjs", MAILAUTH, *lists]
        dkimpy = [interpreter, PEERS / "dkimpy.py", *lists]
        rates = {name: [] for name in CHECKS}
        for turn in range(options.turns):
            # It ends with an error if a verdict of one of the two is not as expected.
            told = run([target / "release" / "bench-auth", corpus, 3])
            for name, ours in (("throughline", "auth"), ("mail-auth", "mail-auth")):
                rates[name].append(float(re.search(rf"^{ours} +(\d+) messages", told, re.MULTILINE)[1]))
            rates["mailauth"].append(len(expected) / seconds(run([*mailauth, 2]))[-1])
            rates["dkimpy"].append(len(expected) / seconds(run([*dkimpy, "--rounds", 1]))[0])
            print(f"turn {turn + 1} of {options.turns}", file=sys.stderr)
        verdicts = {
            "throughline": "all verdicts as expected",
            "mail-auth": "all verdicts as expected",
            "mailauth": judge("mailauth", found(run(mailauth)), expected),
            "dkimpy": judge("dkimpy", found(run(dkimpy)), expected),
        }
    size = told.splitlines()[0].split(",")[1].strip()
    print(f"{len(expected)} messages, {size}, {options.turns} turns, one core each")
    medians = {name: statistics.median(taken) for name, taken in rates.items()}
    for name, checks in CHECKS.items():
        print(f"{name:12} {medians[name]:8.0f} messages a second; {verdicts[name]}\n             {checks}")
    for name in ("mail-auth", "mailauth", "dkimpy"):
        # Of each turn its own ratio: what else the machine does weighs on both sides alike.
        ratio = statistics.median(ours / theirs for ours, theirs in zip(rates["throughline"], rates[name]))
        goal = f"; the goal is {GOALS[name]}: {'held' if ratio >= GOALS[name] else 'MISSED'}" if name in GOALS else ""
        print(f"ours / {name:10} {ratio:8.2f}{goal}")


main()
