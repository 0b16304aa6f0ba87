"""
kill -9 of pgsignet-ca, round after round; what is looked at after each.  Called by pki_kill.sh.

    pki_kill.py TOOL FAULT.so FOLDER ROUNDS SEED

Most rounds end before a call that changes a file, chosen at random among all that the command makes (pki_fault.c);
the others at a random time.  Prints one line a finding, and a summary; exit 1 when there was one.
"""

import base64
import collections
import hashlib
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding, PublicFormat, load_pem_private_key)

TOOL, FAULT, FOLDER, ROUNDS, SEED = sys.argv[1:6]
CA = os.path.join(FOLDER, "ca")
CONFIG = os.path.join(FOLDER, "ca.yaml")
TRAIL = os.path.join(FOLDER, "ca.jsonl")
COUNT = os.path.join(FOLDER, "count")
chance = random.Random(int(SEED))
findings = []
PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.S)


def finding(text):
    findings.append(text)
    print("FINDING", text, flush=True)


def command(arguments):
    return [TOOL, "--config", CONFIG, "--dir", CA] + arguments


def run(arguments, text="", **environment):
    """The whole command: its exit code and what it said; the number of calls that change files, when asked for."""
    return subprocess.run(command(arguments), input=text.encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120,
                          env=dict(os.environ, **environment))


def rows():
    """The ledger, read by somebody else than us."""
    with sqlite3.connect(f"file:{CA}/ledger.db?mode=ro", uri=True, timeout=60) as db:
        return db.execute("SELECT id, hex(serial), state, name, path, has_key, replaced_by, revoked_s, kind "
                          "FROM certificate ORDER BY id").fetchall()


# --- what is on the disk ------------------------------------------------------------------------------

seen = {}  # path -> (stat, certificates)


def certificates(path):
    """All certificates in a file, however it is called; read again only when it changed."""
    try:
        stat = os.stat(path, follow_symlinks=False)
        mark = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        if path not in seen or seen[path][0] != mark:
            with open(path, "rb") as file:
                found = [x509.load_der_x509_certificate(base64.b64decode(body))
                         for body in PEM.findall(file.read())]
            seen[path] = (mark, found)
        return seen[path][1]
    except FileNotFoundError:
        return []


def all_files():
    for folder, _, names in os.walk(CA):
        for name in names:
            if not name.startswith("ledger.db"):
                yield os.path.join(folder, name)


def serial_text(certificate):
    text = "%X" % certificate.serial_number
    return "0" * (len(text) % 2) + text


def look_at_certificates(when, known):
    for path in all_files():
        for certificate in certificates(path):
            if serial_text(certificate) not in known:
                finding(f"{when}: {path} has a certificate {serial_text(certificate)} that the ledger does not know")


def public(key):
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


keys = {}


def look_at_pairs(when):
    for path in all_files():
        if not path.endswith(".key"):
            continue
        stat = os.stat(path)
        mark = (stat.st_ino, stat.st_mtime_ns)
        if path not in keys or keys[path][0] != mark:
            with open(path, "rb") as file:
                keys[path] = (mark, public(load_pem_private_key(file.read(), None).public_key()))
        beside = certificates(path[:-4] + ".crt")
        if not beside:
            finding(f"{when}: {path} has no certificate beside it")
        elif public(beside[0].public_key()) != keys[path][1]:
            finding(f"{when}: {path} does not fit the certificate beside it")
        if stat.st_mode & 0o7777 != 0o600:
            finding(f"{when}: {path} has mode {stat.st_mode & 0o7777:o}")


def look_at_rows(when, now):
    for _, serial, state, name, path, has_key, replaced_by, _, _ in now:
        if state == 0:
            finding(f"{when}: {serial} of {name} is reserved still")
        if state != 1 or not path or replaced_by:
            continue
        there = certificates(os.path.join(CA, path + ".crt"))
        if not there or serial_text(there[0]) != serial:
            finding(f"{when}: the ledger says {path}.crt is {serial}, and it is not")
        if has_key and not os.path.exists(os.path.join(CA, path + ".key")):
            finding(f"{when}: {path}.key is missing")


def look_for_parts(when, crls_too):
    """Those of CRLs have one name each, which the next CRL takes."""
    for path in all_files():
        if path.endswith(".part") and (crls_too or not path.endswith(".crl.part")):
            finding(f"{when}: {path} was left")


def look_at_crl(when, now):
    crl = x509.load_pem_x509_crl(open(os.path.join(CA, "crl", "ca.crl"), "rb").read())
    listed = {entry.serial_number for entry in crl}
    due = {int(row[1], 16) for row in now if row[7]}
    if listed != due:
        finding(f"{when}: the CRL lists {len(listed)} serials, and {len(due)} are revoked")


# --- the rounds -----------------------------------------------------------------------------------------

number = 0


def fresh():
    global number
    number += 1
    return f"role{number}"


def live(now):
    return [row for row in now if row[2] == 1 and not row[6] and not row[7]]


def issue(now):
    return ["issue", "client", fresh()], ""


def issue_server(now):
    return ["issue", "server", f"{fresh()}.example.com"], ""


def issue_many(now):
    return ["issue", "client", "--from-file", "-"], "".join(fresh() + "\n" for _ in range(4))


def of_one(word, *options):
    def make(now):
        return [word, chance.choice(live(now))[1], *options], ""
    return make


ACTS = {
    "issue client": issue,
    "issue server": issue_server,
    "issue many": issue_many,
    "renew": of_one("renew"),
    "rekey": of_one("rekey"),
    "rekey and revoke": of_one("rekey", "--revoke-old"),
    "revoke": of_one("revoke", "--yes", "--reason", "superseded"),
    "crl": lambda now: (["crl"], ""),
}
measured = {}  # calls, seconds


def measure(act):
    arguments, text = ACTS[act](rows())
    began = time.monotonic()
    done = run(arguments, text, LD_PRELOAD=FAULT, PKI_FAULT_COUNT=COUNT)
    if done.returncode != 0:
        finding(f"{act} does not work: {done.stderr.decode()}")
        return
    measured[act] = (int(open(COUNT).read()), time.monotonic() - began)


def kill_somewhere(act, now):
    """Runs it with an end; whether it was killed (it may have been done before), and where."""
    arguments, text = ACTS[act](now)
    calls, seconds = measured[act]
    if chance.random() < 0.75:
        at = chance.randint(1, calls)
        done = run(arguments, text, LD_PRELOAD=FAULT, PKI_FAULT_AT=str(at), PKI_FAULT_HOW="kill")
        return done.returncode == -signal.SIGKILL, f"{act}, killed before call {at} of {calls}", arguments, text
    wait = chance.random() * seconds
    process = subprocess.Popen(command(arguments), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    process.stdin.write(text.encode())
    process.stdin.close()
    try:
        process.wait(wait)
    except subprocess.TimeoutExpired:
        process.kill()
    code = process.wait(60)
    return code == -signal.SIGKILL, f"{act}, killed after {wait * 1000:.0f} ms", arguments, text


def known_serials(now):
    authority = certificates(os.path.join(CA, "ca.crt"))
    return {row[1] for row in now} | {serial_text(one) for one in authority}


def one_round(act, totals):
    before = rows()
    killed, when, arguments, text = kill_somewhere(act, before)
    totals["killed" if killed else "was done before"] += 1
    now = rows()
    look_at_certificates(when, known_serials(now))
    half = [row for row in now if row[2] == 0]
    totals["half done"] += len(half)
    # The next command, whatever it is: the same again, or another one.
    following = chance.choice(["same", "crl", "issue"])
    if following == "same" and act in ("crl", "issue client", "issue server"):
        again = arguments + (["--second"] if act == "issue client" else [])
        if act == "issue server":
            again = ["issue", "server", f"{fresh()}.example.com"]
    elif following == "issue":
        again = issue(now)[0]
    else:
        again = ["crl"]
    done = run(again)
    said = done.stderr.decode()
    if done.returncode != 0:
        finding(f"{when}: the next command, {again}, exits {done.returncode}: {said}")
    for row in half:
        if row[1] not in said:
            finding(f"{when}: nobody says that {row[1]} was half done: {said}")
    totals["finished"] += said.count("finished certificate")
    totals["taken back"] += said.count("took back the serial")
    now = rows()
    look_at_rows(when, now)
    look_at_pairs(when)
    look_for_parts(when, again == ["crl"])
    look_at_certificates(when, known_serials(now))
    if again == ["crl"]:
        look_at_crl(when, now)
    elif chance.random() < 0.3:
        run(["crl", "--due"])
        look_at_crl(when, now)


def look_at_chain():
    done = run(["events", "--verify"])
    if done.returncode != 0:
        finding(f"events --verify: {done.stdout.decode()} {done.stderr.decode()}")
    done = run(["check"])
    if done.returncode != 0:
        finding(f"check: {done.stdout.decode()} {done.stderr.decode()}")


def look_at_trail():
    """Each event once, in order, by what docs/audit.md says of the chain."""
    before, seq = "0" * 64, 0
    for line in open(TRAIL, "rb"):
        line = line.rstrip(b"\n")
        if not line.endswith(b'"}'):
            continue  # torn, or empty
        event = json.loads(line)
        seq += 1
        if event["seq"] != seq or event["prev"] != before:
            finding(f"the trail has event {event['seq']} where {seq} is due")
            return
        before = hashlib.sha256(line[:-75]).hexdigest()
        if event["hash"] != before:
            finding(f"the trail's event {seq} has a wrong hash")
            return
    print(f"the trail has {seq} events")


def main():
    totals = collections.Counter()
    done = run(["init"])
    if done.returncode != 0:
        finding(f"init: {done.stderr.decode()}")
        return 1
    for _ in range(3):
        run(["issue", "client", fresh()])
    for act in ACTS:
        measure(act)
    if findings:
        return 1
    acts = list(ACTS)
    for i in range(int(ROUNDS)):
        one_round(acts[i % len(acts)], totals)
        if len(findings) > 20:
            break
    run(["crl"])
    look_at_chain()
    look_at_trail()
    print(", ".join(f"{n} {word}" for word, n in sorted(totals.items())))
    print("calls that change files:", ", ".join(f"{act} {calls}" for act, (calls, _) in measured.items()))
    if not findings and totals["half done"] == 0:
        finding("no round left anything half done: nothing was tried")
    return 1 if findings else 0


sys.exit(main())
