#!/usr/bin/env python3
"""A real mail path on this machine, with faults in it: lab/README.md says what for.

    lab.py check                 says what is missing to run here; exit 0 if nothing is
    lab.py run OUT [FAULT...]    starts the path, makes the faults (all, if none is named), leaves the evidence of each
                                 in OUT/FAULT, stops everything

Everything runs in namespaces of its own: only loopback, nothing of the machine is changed, nothing is left running.
"""

import os
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from email.utils import format_datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
SRV = Path("/srv")  # inside the namespaces: the state of the lab
GATEWAY_LOG = SRV / "log/gateway.log"
MAILBOX_LOG = SRV / "log/mailbox.log"

PROGRAMS = ["unshare", "nsenter", "ip", "openssl", "postfix", "amavisd", "amavisd-release", "dovecot", "opendkim", "opendmarc",
            "policyd-spf", "postgrey", "rspamd", "redis-server", "unbound", "rsyslogd", "file"]
# Addresses for documentation, on the loopback device of the namespace; 192.0.2.99 is a host where nothing listens.
ADDRESSES = ["192.0.2.10", "192.0.2.20", "192.0.2.21", "192.0.2.22", "192.0.2.99", "198.51.100.30", "198.51.100.77",
             "203.0.113.66", "203.0.113.67", "203.0.113.68", "203.0.113.69", "203.0.113.70"]
PORTS = [("192.0.2.10", 25), ("127.0.0.1", 10025), ("127.0.0.1", 8891), ("127.0.0.1", 8892), ("127.0.0.1", 8893),
         ("127.0.0.1", 10023), ("127.0.0.1", 10024), ("127.0.0.1", 11332), ("192.0.2.20", 25), ("192.0.2.20", 24),
         ("192.0.2.21", 25), ("192.0.2.22", 25), ("198.51.100.30", 25), ("198.51.100.77", 25)]

LANES = 6
START_SECONDS = 60
WAIT_SECONDS = 30
WHOLE_SECONDS = 200


# What is needed.

def missing():
    """What stands in the way of a run on this machine, one phrase each."""
    found = []
    if os.geteuid() != 0:
        found.append("not root")
    if not Path("/etc/debian_version").exists():
        found.append("not Debian")
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin:/bin"
    programs = [program for program in PROGRAMS if shutil.which(program, path=path) is None]
    if programs:
        found.append("missing programs: " + " ".join(programs))
    for file in ["/usr/lib/dovecot/lmtp", "/usr/lib/dovecot/modules/lib90_sieve_plugin.so", "/etc/spamassassin/init.pre"]:
        if not Path(file).exists():
            found.append("missing file: " + file)
    if not found and subprocess.run(unshared(["true"]), capture_output=True).returncode != 0:
        found.append("namespaces are not allowed")
    return found


def unshared(command):
    """`command` as the first process of namespaces of its own; it dies with its parent."""
    return ["unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc",
            "--propagation", "private", *command]


# Faults: one Markdown file each.

class Fault:
    """A fault: its messages, its lines of configuration, and what to do."""

    def __init__(self, file):
        self.name = file.stem
        self.messages, self.config, self.steps = {}, {}, []
        for block in re.finditer(r"^```(\w+) (\S+)\n(.*?)^```$", file.read_text(), re.M | re.S):
            kind, name, text = block.groups()
            if kind == "eml":
                self.messages[name] = text
            elif kind == "config":
                self.config[name] = text
            elif kind == "steps":
                self.steps = [line for line in text.splitlines() if line and not line.startswith("#")]

    def message_id(self):
        return re.search(r"^message-id: *(<.*>)", next(iter(self.messages.values())), re.I | re.M).group(1)


def all_faults(names):
    files = sorted(file for file in (HERE / "faults").glob("*.md"))
    unknown = set(names) - {file.stem for file in files}
    if unknown:
        sys.exit(f"no such fault: {' '.join(sorted(unknown))}")
    return [Fault(file) for file in files if not names or file.stem in names]


# The path: from nothing to open ports.

def prepare_namespace(state):
    """Binds the state folder over /srv, hides the folders daemons write to, and gives the namespace its addresses."""
    sh("mount", "--bind", state, "/srv")
    sh("mount", "-t", "tmpfs", "tmpfs", "/run")
    for folder in ["/var/lib/dovecot", "/var/lib/amavis", "/var/lib/postfix", "/var/spool/postfix"]:
        if Path(folder).exists():
            sh("mount", "-t", "tmpfs", "tmpfs", folder)
    (SRV / "etc").mkdir()
    (SRV / "etc/resolv.conf").write_text("nameserver 127.0.0.53\n")
    (SRV / "etc/hosts").write_text("127.0.0.1 localhost\n192.0.2.10 mx1.client.example\n192.0.2.20 mbx1.client.example\n")
    for name in ["resolv.conf", "hosts"]:
        sh("mount", "--bind", SRV / "etc" / name, Path("/etc", name).resolve())
    new_dev("dev-gateway")
    sh("hostname", "mx1")
    sh("ip", "link", "set", "lo", "up")
    for address in ADDRESSES:
        sh("ip", "addr", "add", address + "/32", "dev", "lo")


def new_dev(folder):
    """A /dev of one's own, so that /dev/log can be made in it."""
    dev = SRV / folder
    dev.mkdir()
    for node in ["null", "zero", "full", "random", "urandom"]:
        (dev / node).touch()
        sh("mount", "--bind", Path("/dev", node), dev / node)
    for name, target in [("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
                         ("stderr", "/proc/self/fd/2")]:
        (dev / name).symlink_to(target)
    sh("mount", "--rbind", dev, "/dev")


def write_configuration(faults):
    etc = SRV / "etc"
    shutil.copytree(HERE / "etc", etc, dirs_exist_ok=True)
    for fault in faults:
        for name, text in fault.config.items():
            (etc / name).parent.mkdir(parents=True, exist_ok=True)
            with open(etc / name, "a") as file:
                file.write(text)
    # Dovecot keeps the compiled scripts beside them.
    sh("chown", "-R", "mail:", etc / "sieve")
    sh("openssl", "genrsa", "-out", etc / "dkim.key", "2048")
    sh("chown", "opendkim:", etc / "dkim.key")
    (etc / "dkim.key").chmod(0o600)
    # A certificate that nobody knows, of the mailbox side.
    sh("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=mbx2.client.example",
       "-keyout", etc / "tls.key", "-out", etc / "tls.crt")
    public = sh("openssl", "rsa", "-in", etc / "dkim.key", "-pubout", "-outform", "PEM")
    key = "".join(line for line in public.splitlines() if not line.startswith("-----"))
    record = "v=DKIM1; k=rsa; p=" + key
    (etc / "dkim.keys").write_text(f"s1._domainkey.partner.example {record}\n")
    # One string of a TXT record holds 255 characters.
    parts = '" "'.join(re.findall(".{1,200}", record))
    unbound = etc / "unbound.conf"
    unbound.write_text(unbound.read_text().replace("v=DKIM1; k=rsa; p=@DKIM_KEY@", parts))
    (etc / "spamassassin").mkdir()
    for file in Path("/etc/spamassassin").glob("*.pre"):
        shutil.copy(file, etc / "spamassassin")
    shutil.copy(etc / "spamassassin.cf", etc / "spamassassin/local.cf")


def make_folders():
    for folder in ["log", "run", "mail", "quarantine", "postgrey", "rspamd", "spool/gateway", "spool/mailbox", "spool/partner",
                   "lib/gateway", "lib/mailbox", "lib/partner"]:
        (SRV / folder).mkdir(parents=True)
    for folder in ["tmp", "db", "var"]:
        Path("/var/lib/amavis", folder).mkdir()
    for owner, folder in [("amavis", "/var/lib/amavis"), ("amavis", "/srv/quarantine"), ("postgrey", "/srv/postgrey"), ("_rspamd", "/srv/rspamd"),
                          ("mail", "/srv/mail"), ("postfix", "/srv/lib/gateway"),
                          ("postfix", "/srv/lib/mailbox"), ("postfix", "/srv/lib/partner")]:
        sh("chown", "-R", owner + ":", folder)
    for folder in ["/srv/run", "/srv/log"]:
        Path(folder).chmod(0o1777)


def start():
    """Starts every daemon and returns when all ports answer. Output goes to a file: a daemon would keep a pipe open."""
    began = time.monotonic()
    Path("/run/sendsigs.omit.d").mkdir(parents=True)
    run("rsyslogd", "-f", "/srv/etc/rsyslog-gateway.conf", "-i", "/srv/run/rsyslog-gateway.pid")
    run("unbound", "-c", "/srv/etc/unbound.conf")
    wait_for("the socket of syslog", lambda: Path("/dev/log").exists(), START_SECONDS)
    run("redis-server", "/srv/etc/redis.conf")
    # rspamd stays in the foreground until all its workers are up: the ports tell.
    start_aside("rspamd", "--no-fork", "--config", "/srv/etc/rspamd.conf", "--user", "_rspamd", "--group", "_rspamd")
    run("amavisd", "-c", "/srv/etc/amavis.conf")
    run("opendkim", "-x", "/srv/etc/opendkim-verify.conf")
    run("opendkim", "-x", "/srv/etc/opendkim-sign.conf")
    run("opendmarc", "-c", "/srv/etc/opendmarc.conf")
    run("postgrey", "--inet=127.0.0.1:10023", "--dbdir=/srv/postgrey", "--delay=2", "--daemonize", "--pidfile=/srv/run/postgrey.pid")
    run("postfix", "-c", "/srv/etc/gateway", "start")
    run("postfix", "-c", "/srv/etc/partner", "start")
    # The mailbox side is another host: it has its own name and its own syslog.
    run("unshare", "--mount", "--uts", sys.executable, __file__, "mailbox-side")
    for address in PORTS:
        wait_for(f"{address[0]}:{address[1]}", lambda: answers(address), START_SECONDS)
    say(f"all ports answer after {time.monotonic() - began:.1f} s")


def mailbox_side():
    new_dev("dev-mailbox")
    sh("hostname", "mbx1")
    run("rsyslogd", "-f", "/srv/etc/rsyslog-mailbox.conf", "-i", "/srv/run/rsyslog-mailbox.pid")
    wait_for("the socket of syslog", lambda: Path("/dev/log").exists(), START_SECONDS)
    run("postfix", "-c", "/srv/etc/mailbox", "start")
    run("dovecot", "-c", "/srv/etc/dovecot.conf")


def answers(address):
    try:
        with socket.create_connection(address, timeout=1):
            return True
    except OSError:
        return False


# The steps of a fault.

class Lane:
    """Makes one fault: each step is a word and its arguments."""

    def __init__(self, fault, out):
        self.fault, self.out, self.id = fault, out, fault.message_id()
        self.takes_logs = ["gateway", "mailbox"]

    def make(self):
        for step in self.fault.steps:
            word, *arguments = step.split(" ", 1)
            getattr(self, "do_" + word)(*arguments)

    def do_send(self, text):
        """send FILE from=SENDER to=RECIPIENT[,...] [client=ADDRESS | via=partner]: what is refused is part of the fault."""
        name, *pairs = text.split()
        pairs = dict(pair.split("=", 1) for pair in pairs)
        message = self.fault.messages[name].replace("{date}", format_datetime(datetime.now(timezone.utc)))
        sent = now()
        client = pairs.get("client", "203.0.113.66")
        server, client = ("198.51.100.30", "198.51.100.30") if pairs.get("via") == "partner" else ("192.0.2.10", client)
        sender = "" if pairs["from"] == "<>" else pairs["from"]
        try:
            with smtplib.SMTP(server, 25, "mail.elsewhere.example", timeout=60, source_address=(client, 0)) as smtp:
                smtp.sendmail(sender, pairs["to"].split(","), message.replace("\n", "\r\n").encode())
        except smtplib.SMTPException as refusal:
            say(f"{self.fault.name}: {refusal}")
        with open(self.out / "sent", "a") as file:
            file.write(sent + "\n")

    def do_wait(self, text):
        """wait gateway|mailbox WORDS: until a line of that log has the words; {id} is the Message-ID, {qid} the queue id there."""
        host, words = text.split(" ", 1)
        log = {"gateway": GATEWAY_LOG, "mailbox": MAILBOX_LOG}[host]
        wait_for(f"`{words}` in {log.name}", lambda: self.has_line(log, words), WAIT_SECONDS)

    def has_line(self, log, words):
        lines = log.read_text(errors="replace").splitlines()
        if "{qid}" not in words:
            return any(words.replace("{id}", self.id) in line for line in lines)
        ids = [line.split(": ")[-2] for line in lines if line.endswith(f"message-id={self.id}")]
        return any(words.replace("{qid}", id) in line for line in lines for id in ids)

    def do_release(self, text=""):
        """release [for=RECIPIENT]: what amavis holds of the first message."""
        held = wait_for("a held file", self.held, WAIT_SECONDS)
        recipients = [text.split("=", 1)[1]] if text else []
        # The program wants a secret id; an empty one will do where none is required.
        sh("amavisd-release", held.name, "", *recipients)

    def held(self):
        return self.one_with_the_id(SRV / "quarantine")

    def one_with_the_id(self, folder):
        """The first file below a folder that has the Message-ID of the fault's first message."""
        for file in sorted(folder.rglob("*")):
            if file.parent.name in ("quarantine", "new", "cur") and self.id in file.read_text(errors="replace"):
                return file
        return None

    def do_retry(self, host):
        """retry HOST: its queue is tried again at once."""
        sh("postqueue", "-c", f"/srv/etc/{host}", "-f")

    def do_pause(self, seconds):
        time.sleep(float(seconds))

    def do_logs(self, text):
        """logs gateway | mailbox | none: only this log is evidence."""
        self.takes_logs = [text] if text != "none" else []

    def do_take(self, text):
        """take NAME from quarantine | report | inbox of ADDRESS: a copy of the file that has the Message-ID."""
        name, place = text.split(" from ", 1)
        folder = {"quarantine": "quarantine", "report": "mail/partner"}.get(place)
        if folder is None:
            folder = "mail/" + place.removeprefix("inbox of ").split("@")[0]
        file = wait_for(f"{place} for {self.id}", lambda: self.one_with_the_id(SRV / folder), WAIT_SECONDS)
        shutil.copy(file, self.out / name)


def make_all(faults, out):
    """Makes the faults side by side; returns the names of those that could not be made."""
    failed = []

    def one(fault):
        folder = out / fault.name
        folder.mkdir(parents=True)
        lane = Lane(fault, folder)
        began = time.monotonic()
        try:
            lane.make()
        except Exception as error:  # the others go on
            failed.append(fault.name)
            say(f"{fault.name}: not made: {error}\n{traceback.format_exc()}")
        say(f"{fault.name}: {time.monotonic() - began:.1f} s")
        return lane

    with ThreadPoolExecutor(LANES) as pool:
        lanes = list(pool.map(one, faults))
    (out / "ended").write_text(now())
    for lane in lanes:
        for host in lane.takes_logs:
            shutil.copy(SRV / f"log/{host}.log", lane.out / f"{host}.log")
    return failed


# Small helps.

def say(text):
    print(f"lab: {text}", file=sys.stderr, flush=True)


def now():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def sh(*command):
    """Runs a short command to its end and returns what it printed."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"{command}: {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def run(*command):
    """Starts a daemon by a command that returns."""
    with open(SRV / "run/start.out", "a") as out:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.returncode}\n{(SRV / 'run/start.out').read_text()}")


def start_aside(*command):
    """Starts a daemon that stays in the foreground; it ends with the namespaces."""
    with open(SRV / "run/start.out", "a") as out:
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)


def wait_for(what, found, seconds):
    """Asks until there is something, and returns it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = found()
        if result:
            return result
        time.sleep(0.2)
    raise TimeoutError(f"{what}: not there after {seconds} s")


def inside(state, out, names):
    """The first process of the namespaces: when it ends, every daemon has ended."""
    os.environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
    os.environ["TZ"] = "UTC"
    # The first process of a namespace is not ended by a signal that it does not handle.
    signal.signal(signal.SIGALRM, lambda *_: os._exit(3))
    signal.alarm(WHOLE_SECONDS)
    faults = all_faults(names)
    prepare_namespace(state)
    make_folders()
    write_configuration(faults)
    failed = []
    try:
        start()
        failed = make_all(faults, Path(out))
    finally:
        for log in ["gateway", "mailbox", "partner"]:
            if (SRV / f"log/{log}.log").exists():
                shutil.copy(SRV / f"log/{log}.log", out)
    return 1 if failed else 0


def main(arguments):
    match arguments:
        case ["check"]:
            found = missing()
            print("\n".join(found))
            return 1 if found else 0
        case ["run", out, *names]:
            found = missing()
            if found:
                sys.exit("cannot run here: " + "; ".join(found))
            all_faults(names)
            out = Path(out).resolve()
            out.mkdir(parents=True, exist_ok=True)
            state = out / "state"
            state.mkdir()
            state.chmod(0o755)
            command = unshared([sys.executable, __file__, "inside", str(state), str(out), *names])
            os.execvp(command[0], command)
        case ["inside", state, out, *names]:
            return inside(state, out, names)
        case ["mailbox-side"]:
            mailbox_side()
            return 0
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
