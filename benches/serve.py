#!/usr/bin/env python3
"""How long each click of the workbench takes in a case with a large message trace.

    cargo build --release --locked -p throughline
    benches/serve.py [--program PROGRAM] [--rows 1000000] [--rounds 50] [--folder DIR]

Makes a case of a message and a trace with so many rows (DIR is where it is made or found again), starts the program, waits until
the evidence is read, then asks for each page so often and prints percentiles in milliseconds. The rows are the same each time.
"""

import argparse
import datetime
import http.client
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MESSAGE_ID = "20261117080209.48.1193@mail.supplier.example"
MESSAGE = f"""From: Supplier Orders <orders@supplier.example>
To: Ana Duarte <ana.duarte@client.example>
Subject: Order confirmation 48-1193
Date: Tue, 17 Nov 2026 08:02:09 +0000
Message-ID: <{MESSAGE_ID}>
MIME-Version: 1.0
Content-Type: text/plain

Dear Ana,
"""
COLUMNS = "Received SenderAddress RecipientAddress Subject Status ToIP FromIP Size MessageId MessageTraceId".split()
STATUSES = ["Delivered"] * 17 + ["FilteredAsSpam", "Quarantined", "Failed"]
# The parts of a case, as far as the program has them.
PARTS = ["", "/findings", "/symptoms", "/symptoms/stale-search", "/compare", "/exception", "/verification", "/notes",
         "/escalation", "/evidence", "/journal"]
LAYERS = ["arrival", "authentication", "verdict", "quarantine", "release", "delivery", "mailbox"]


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or pathlib.Path(temporary)
        evidence = made(folder / f"rows-{options.rows}", options.rows)
        size = sum(file.stat().st_size for file in evidence.iterdir()) / 2**20
        store = pathlib.Path(temporary) / "store"
        began = time.perf_counter()
        run = [options.program, "case", "new", "--client", "contoso", "--ticket", "INC-1", "--store", store, evidence]
        subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
        print(f"{options.rows:,} rows, {size:,.0f} MiB; case made in {time.perf_counter() - began:.2f} s")
        served(options, store)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "target" / "release" / "throughline")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--folder", type=pathlib.Path)
    options = parser.parse_args()
    if not options.program.is_file():
        sys.exit(f"{options.program}: not built. Try: cargo build --release --locked -p throughline")
    return options


def made(folder, rows):
    """The evidence: a message, and a trace in which one row in the middle is about it."""
    if (folder / "trace.csv").is_file():
        return folder
    folder.mkdir(parents=True)
    (folder / "message.eml").write_text(MESSAGE.replace("\n", "\r\n"), newline="")
    start = datetime.datetime(2026, 11, 10, tzinfo=datetime.timezone.utc)
    step = datetime.timedelta(days=10) / rows
    with open(folder / "making.csv", "w", newline="") as out:
        out.write(",".join(f'"{name}"' for name in COLUMNS) + "\r\n")
        for at in range(rows):
            instant = (start + step * at).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
            row = [instant, f"sender{at % 977}@partner{at % 89}.example", f"user{at % 1009}@client.example",
                   f"Subject {at}", STATUSES[at % len(STATUSES)], "", f"192.0.2.{at % 250 + 1}", str(2000 + at % 9000),
                   f"<{at:08x}.{at % 97}@partner{at % 89}.example>", f"{at:08x}-2c35-4f68-a9e0-08de25c6f3d2"]
            if at == rows * 7 // 10:
                row = ["2026-11-17T08:03:30.0000000Z", "orders@supplier.example", "ana.duarte@client.example",
                       "Order confirmation 48-1193", "Quarantined", "", "192.0.2.61", "1822", f"<{MESSAGE_ID}>",
                       "90b1e7d4-2c35-4f68-a9e0-ffffffffffff"]
            out.write(",".join(f'"{value}"' for value in row) + "\r\n")
    (folder / "making.csv").rename(folder / "trace.csv")
    return folder


def served(options, store):
    command = [options.program, "serve", "--listen", "127.0.0.1:0", "--user", "kim=engineer", "--store", store]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    try:
        link = next(line.split("): ")[1].strip() for line in program.stdout if "): " in line)
        host, token = re.match(r"http://([^/]+)/login/(.+)", link).groups()
        browser = Browser(host, token)
        began = time.perf_counter()
        while "data-working" in browser.get("/cases/1")[1]:
            time.sleep(0.05)
        print(f"evidence read in {time.perf_counter() - began:.2f} s")
        measure(browser, options.rounds)
    finally:
        program.terminate()
        program.wait()


def measure(browser, rounds):
    _, way = browser.get("/cases/1")
    stages = [f"/cases/1/way/1/{layer}" for layer in LAYERS]
    records = {link.replace("&amp;", "&") for link in re.findall(r'href="(/cases/1/records/[^"]+)"', way)}
    names = {}
    for link in sorted(records):
        names.setdefault(re.search(r"records/([0-9a-f]+)", link).group(1), link)
    pages = ["/", "/symptoms"] + [f"/cases/1{part}" for part in PARTS] + stages + sorted(names.values())
    print(f"\n{'page':66} {'first':>8} {'p50':>8} {'p95':>8} {'p99':>8}  ms, {rounds} times each")
    slow = []
    for page in pages:
        began = time.perf_counter()
        status, body = browser.get(page)
        first = (time.perf_counter() - began) * 1000
        if status != 200:
            print(f"{page:66} {status:>8}")
            continue
        while "data-working" in body:
            time.sleep(0.1)
            _, body = browser.get(page)
        times = sorted(browser.timed(page) for _ in range(rounds))
        p50, p95, p99 = (percentile(times, share) for share in (0.50, 0.95, 0.99))
        print(f"{page:66} {first:8.1f} {p50:8.1f} {p95:8.1f} {p99:8.1f}")
        slow += [page] if p95 > 100 else []
    print("\nevery page within 100 ms (p95)" if not slow else f"\nslower than 100 ms (p95): {', '.join(slow)}")


def percentile(times, share):
    return statistics.quantiles(times, n=100, method="inclusive")[round(share * 100) - 1] if len(times) > 1 else times[0]


class Browser:
    """Somebody who is signed in, over one connection."""

    def __init__(self, host, token):
        self.connection = http.client.HTTPConnection(host)
        form = {"content-type": "application/x-www-form-urlencoded"}
        self.connection.request("POST", "/login", f"link={token}", form)
        answer = self.connection.getresponse()
        answer.read()
        self.cookie = answer.getheader("set-cookie").split(";")[0]

    def get(self, path):
        self.connection.request("GET", path, headers={"cookie": self.cookie})
        answer = self.connection.getresponse()
        return answer.status, answer.read().decode()

    def timed(self, path):
        began = time.perf_counter()
        self.get(path)
        return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
