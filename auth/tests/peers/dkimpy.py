#!/usr/bin/env python3
"""What dkimpy says of messages: one JSON line a signature, and one for the ARC chain.

    dkimpy.py MESSAGES DNS [--rounds N]

MESSAGES has one object a line: {"name": "...", "file": "...", "zone": "...", "at": 1795250000}; `at` is when the message was
received. DNS has answers in throughline's own spelling (sources/src/dns/answers/README.md), each with the `zone` in which it
holds; every other name does not exist. No name is resolved. With --rounds the lines are the seconds that each round over all
messages took instead.
"""

import argparse
import json
import logging
import time
import types

import dkim

# Whatever is asked for with this key fails at the earliest after the body was hashed.
STAND_IN = b"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


class Said(logging.Handler):
    """Keeps what dkimpy logs: it says there why it returns False."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())

    def take(self):
        lines, self.lines = self.lines, []
        return "; ".join(lines)


SAID = Said()
LOGGER = logging.Logger("dkimpy", logging.ERROR)
LOGGER.addHandler(SAID)


def normal(name):
    """A name as it is asked for: lower case, A-labels, no last dot."""
    text = name.decode("utf-8", "replace").rstrip(".").lower()
    try:
        return text if text.isascii() else text.encode("idna").decode("ascii")
    except UnicodeError:
        return text


def resolver(answers, zone):
    def ask(name, timeout=5):
        status, data = answers.get((zone, normal(name)), ("NXDOMAIN", []))
        if status not in ("NOERROR", "NXDOMAIN"):
            raise dkim.DnsTimeoutError(status)
        return data[0].encode() if data else None

    return ask


def body_holds(message, place):
    """Whether dkimpy finds the body as it was signed; None if it does not come to hash it."""
    check = dkim.DKIM(message, logger=LOGGER)
    try:
        check.verify_headerprep(place)
    except Exception:
        return None
    try:
        check.verify(place, dnsfunc=lambda name, timeout=5: STAND_IN)
    except ValueError:
        return True  # the stand-in is not of the signature's kind
    except dkim.ValidationError as error:
        return False if "body hash mismatch" in str(error) else None
    except Exception:
        return None
    finally:
        SAID.take()
    return True


def signature(message, place, ask):
    try:
        result = dkim.DKIM(message, logger=LOGGER).verify(place, dnsfunc=ask)
        why = SAID.take()
    except Exception as error:
        result, why = False, f"{type(error).__name__}: {error}"
        SAID.take()
    word = "pass" if result else "temperror" if "DnsTimeoutError" in why else "fail"
    return {"kind": "dkim", "place": place, "result": word, "body": body_holds(message, place), "why": why}


def chain_body_holds(message):
    """Whether the body is as the newest sealer saw it; None if dkimpy does not come to hash it."""
    check = dkim.ARC(message, logger=LOGGER)
    try:
        newest, fields = check.sorted_arc_headers()
        if newest == 0:
            return None
        check.verify_instance(fields, newest, dnsfunc=lambda name, timeout=5: STAND_IN)
    except ValueError:
        pass  # the stand-in is not of the signature's kind
    except Exception:
        return None
    return "body hash mismatch" not in SAID.take()


def chain(message, ask):
    try:
        result, _, why = dkim.ARC(message, logger=LOGGER).verify(dnsfunc=ask)
    except Exception as error:
        result, why = dkim.CV_Fail, f"{type(error).__name__}: {error}"
    SAID.take()
    # None stands for a chain that its last sealer called broken: by RFC 8617, 5.2 that is a fail.
    return {"kind": "arc", "place": 0, "result": (result or dkim.CV_Fail).decode(), "body": chain_body_holds(message), "why": why}


def check(entry, message, answers):
    # dkimpy judges t= and x= by the clock of the machine; here by when the message was received.
    dkim.time = types.SimpleNamespace(time=lambda: entry["at"])
    ask = resolver(answers, entry["zone"])
    try:
        names = [name.lower() for name, _ in dkim.rfc822_parse(message)[0]]
    except Exception as error:
        return [{"kind": "message", "place": 0, "result": "fail", "body": None, "why": f"{type(error).__name__}: {error}"}]
    found = [signature(message, place, ask) for place in range(names.count(b"dkim-signature"))]
    return found + [chain(message, ask)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("messages")
    parser.add_argument("dns")
    parser.add_argument("--rounds", type=int, default=0)
    options = parser.parse_args()
    entries = [json.loads(line) for line in open(options.messages, encoding="utf-8")]
    answers = {}
    for line in open(options.dns, encoding="utf-8"):
        answer = json.loads(line)
        if answer["type"] == "TXT":
            answers[(answer["zone"], normal(answer["name"].encode()))] = (answer["status"], answer["data"])
    messages = [open(entry["file"], "rb").read() for entry in entries]
    dkim.time = types.SimpleNamespace(time=lambda: entries[0]["at"])
    for _ in range(options.rounds):
        start = time.perf_counter()
        for entry, message in zip(entries, messages):
            ask = resolver(answers, entry["zone"])
            one = dkim.DKIM(message, logger=LOGGER)
            for place in range(entry.get("signatures", 1)):
                try:
                    one.verify(place, dnsfunc=ask)
                except dkim.DKIMException:
                    pass
            dkim.ARC(message, logger=LOGGER).verify(dnsfunc=ask)
        print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)
    if not options.rounds:
        for entry, message in zip(entries, messages):
            for found in check(entry, message, answers):
                print(json.dumps({"name": entry["name"], **found}))


main()
