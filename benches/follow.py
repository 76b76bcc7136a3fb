#!/usr/bin/env python3
"""How long one message takes in a large log, against a plain search of the same file and against DuckDB.

    cargo build --release --locked -p throughline
    benches/follow.py --generator GENERATOR [--messages 1000000] [--rounds 7] [--folder DIR]

GENERATOR is the generator of the workload (gen_mail_workload.py); DIR is where its files are made or found again.
Needs ripgrep (`rg`) and, for the CSV, the Python package duckdb; what is missing is left out and said.

Every round runs every contender once, one after the other, so that a busy machine is busy for all. The table gives
medians in seconds of the whole process, the ratio to `rg -F` and to DuckDB, and the largest memory that is not the
mapped file.
"""

import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "target" / "release" / "throughline"
DUCKDB = """
import duckdb, sys
db = duckdb.connect()
file, id = sys.argv[1:]
rows = db.execute("select * from read_csv(?, all_varchar = true) where MessageId = ?", [file, id]).fetchall()
assert rows, "no row"
"""


def main():
    options = arguments()
    folder = workload(options)
    truth = json.loads((folder / "truth.json").read_text())
    # One message that went through a content filter: two queue ids, and lines far from the start of the file.
    chosen = [m for m in truth["messages_chosen"] if m["instances"][0]["class"] == "reinjected"][-1]["message_id"]
    print(f"{truth['messages']} messages, following {chosen}, {options.rounds} rounds\n")
    print(f"{'file':12} {'MiB':>6}  {'contender':12} {'median s':>9} {'x rg -F':>8} {'x duckdb':>9} {'own MiB':>8}")
    for name in ("postfix.log", "trace.csv", "trace.jsonl"):
        compare(folder / name, chosen, options.rounds)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generator", type=pathlib.Path, required=True)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", type=pathlib.Path)
    options = parser.parse_args()
    if not PROGRAM.is_file():
        sys.exit(f"{PROGRAM}: not built. Try: cargo build --release --locked -p throughline")
    return options


def workload(options):
    folder = options.folder or ROOT / "target" / "workload" / str(options.messages)
    if not (folder / "truth.json").is_file():
        print(f"making {options.messages} messages in {folder}", file=sys.stderr)
        command = [sys.executable, options.generator, "--messages", str(options.messages), "--out", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder


def compare(file, message_id, rounds):
    contenders = {"throughline": [PROGRAM, "follow", file, "--message-id", message_id, "--format", "json"]}
    if shutil.which("rg"):
        contenders["rg -F"] = ["rg", "-F", "--no-config", message_id.strip("<>"), file]
    if file.suffix == ".csv" and has_duckdb():
        contenders["duckdb"] = [sys.executable, "-c", DUCKDB, file, message_id]
        contenders["its start"] = [sys.executable, "-c", "import duckdb"]  # what of it is not the query
    seconds = {name: [] for name in contenders}
    for command in contenders.values():
        run(command)  # the first run brings the file into the page cache
    for _ in range(rounds):
        for name, command in contenders.items():
            seconds[name].append(run(command))
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    own = own_memory_mib(contenders["throughline"])
    for name, median in medians.items():
        ratio = f"{median / medians['rg -F']:8.2f}" if "rg -F" in medians else f"{'-':>8}"
        faster = f"{median / medians['duckdb']:9.3f}" if "duckdb" in medians else f"{'-':>9}"
        memory = f"{own:8.1f}" if name == "throughline" else f"{'':8}"
        size = file.stat().st_size / 2**20
        print(f"{file.name:12} {size:6.0f}  {name:12} {median:9.4f} {ratio} {faster} {memory}")


def has_duckdb():
    return subprocess.run([sys.executable, "-c", "import duckdb"], stderr=subprocess.DEVNULL).returncode == 0


def run(command):
    """Seconds of one run."""
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    seconds = time.perf_counter() - start
    if done.returncode not in (0, 1):
        sys.exit(f"{command}: {done.stderr.decode(errors='replace')}")
    return seconds


def own_memory_mib(command):
    """The most anonymous memory that was seen while it ran: everything but the mapped file."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    most = 0
    while process.poll() is None:
        try:
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            break
        for line in status.splitlines():
            if line.startswith("RssAnon:"):
                most = max(most, int(line.split()[1]))
    process.wait()
    return most / 1024


if __name__ == "__main__":
    main()
