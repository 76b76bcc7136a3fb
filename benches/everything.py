#!/usr/bin/env python3
"""How long it takes to count the rows of a large trace by their status, against DuckDB, both as whole processes.

    cargo build --release --locked -p sources --example count
    benches/everything.py FILE [--rounds 7]

FILE is a message trace, as CSV or JSON lines (the generator of the workload writes both). Ours reads every row into its facts, part
after part, and counts those that state a status; DuckDB counts one column. Every round runs both, one after the other. Needs the
Python package duckdb. How fast all large kinds are read beside a bare parse is told by `cargo bench -p sources --bench everything`.
"""

import argparse
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
COUNT = ROOT / "target" / "release" / "examples" / "count"
DUCKDB = """
import duckdb, sys
file = sys.argv[1]
rows = "read_csv(?, all_varchar = true)" if file.endswith(".csv") else "read_json(?, format = 'newline_delimited')"
for status, count in duckdb.connect().execute(f"select Status, count(*) from {rows} group by 1 order by 1", [file]).fetchall():
    print(status, count)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    if not COUNT.is_file():
        sys.exit(f"{COUNT}: not built. Try: cargo build --release --locked -p sources --example count")
    contenders = {"throughline": [COUNT, options.file], "duckdb": [sys.executable, "-c", DUCKDB, options.file]}
    times = {name: [] for name in contenders}
    answers = {}
    for _ in range(options.rounds):
        for name, command in contenders.items():
            start = time.perf_counter()
            answers[name] = sorted(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n"))
            times[name].append(time.perf_counter() - start)
    if answers["throughline"] != answers["duckdb"]:
        sys.exit(f"the answers differ: {answers}")
    size = options.file.stat().st_size / 1e9
    for name, taken in times.items():
        median = statistics.median(taken)
        print(f"{name:12} {median:7.2f} s  {size / median:6.2f} GB/s")
    ratio = statistics.median(times["duckdb"]) / statistics.median(times["throughline"])
    print(f"duckdb takes {ratio:.2f} times as long")


main()
