#!/usr/bin/env python3
"""How long DuckDB takes to answer one candidate over a message trace, to be held beside exceptions/benches/radius.rs.

    .ci/setup                                                        (gets DuckDB into target/duckdb)
    cargo bench -p exceptions --bench radius -- --rows 10000000      (makes the trace, and counts for all candidates)
    benches/radius.py [--trace target/radius/trace-10000000.csv] [--rounds 3] [--threads 2]

The candidate is one sender domain, one recipient domain, and words of the subject. Every round reads the file anew, as ours does.
"""

import argparse
import os
import pathlib
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
OWN = ROOT / "target" / "duckdb" / "bin" / "python"

try:
    import duckdb
except ImportError:
    if OWN.exists() and pathlib.Path(sys.executable) != OWN:
        os.execv(OWN, [str(OWN), *sys.argv])
    sys.exit("no duckdb: run .ci/setup")

CANDIDATE = """
with copies as (
    select MessageTraceId id, RecipientAddress recipient, SenderAddress sender,
           Status in ('Quarantined', 'FilteredAsSpam', 'Failed') kept, Status = 'FilteredAsSpam' spam
    from read_csv(?, header = true, all_varchar = true)
    where split_part(SenderAddress, '@', 2) = 'd7.example' and split_part(RecipientAddress, '@', 2) = 'client.example'
      and contains(lower(Subject), 'confirmation of order')
)
select count(distinct id), count(distinct recipient), count(distinct sender), count(distinct id) filter (kept),
       count(distinct id) filter (spam)
from copies
"""


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--trace", default=str(ROOT / "target" / "radius" / "trace-10000000.csv"))
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--threads", type=int, default=2)
    options = options.parse_args()
    took, worked = [], []
    for _ in range(max(options.rounds, 1)):
        db = duckdb.connect(config={"threads": options.threads})
        start, start_worked = time.perf_counter(), time.process_time()
        counts = db.execute(CANDIDATE, [options.trace]).fetchone()
        took.append(time.perf_counter() - start)
        worked.append(time.process_time() - start_worked)
    print(f"messages, recipients, senders, kept out, judged spam: {counts}")
    print(f"DuckDB {duckdb.__version__}, {options.threads} threads, one candidate: {statistics.median(took):.2f} s by the clock, "
          f"{statistics.median(worked):.2f} s of the processor")


if __name__ == "__main__":
    main()
