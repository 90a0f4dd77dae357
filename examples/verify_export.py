#!/usr/bin/env python3
"""Verifies an export of a store's log, sharing no line of code with the program that wrote it.

usage: verify_export.py FILE [--head SEQUENCE:HASH] [--after SEQUENCE:HASH] [--show]

FILE holds the JSON lines of `audit().export()`; `-` is the standard input. --head is a head that was kept
elsewhere: the log up to it must be the one it was taken from. --after is the head that an export of later
commits only goes on from. --show prints what the hashed bytes say: the `old` and `new` that the lines
themselves say are for reading, and prove nothing.

    digest  = SHA-256(salt || bytes)                 of the actor context and of each change
    root    = SHA-256(of each change: code || digest)    a byte: of a creation its kind's number, else 0
    hash(n) = SHA-256(hash(n-1) || header || digest of the actor context || root)        hash(0) = zeros
"""
import argparse
import hashlib
import json
import struct
import sys

KINDS = {1: "project", 2: "experiment", 3: "run", 4: "comment", 5: "job", 6: "lineage edge"}
ACTOR = ["principal", "kind", "on_behalf_of", "session", "client", "source_address", "request_id", "reason"]
FIELDS = ["name", "description", "start_time", "end_time", "code_version", "code_version_snapshot", "environment",
          "attributes.", "metrics.", "hyperparameters.", "tags.", "deleted", "readme_text", "short_name", "artifacts.",
          "datasets.", "job_id", "parent_id", "message", "user_id", "date_time", "end_time", "job_status"]


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def check(holds, why):
    if not holds:
        raise ValueError(why)


def cbor(data, texts):
    """The value in canonical CBOR. Long texts stand there by digest (tag 28004), and come from `texts`."""
    at = 0

    def take(count):
        nonlocal at
        check(at + count <= len(data), "the bytes end early")
        at += count
        return data[at - count:at]

    def value():
        first = take(1)[0]
        major, info = first >> 5, first & 31
        check(info < 28, "a length of no canonical form")
        number = info if info < 24 else int.from_bytes(take(1 << (info - 24)), "big")
        if major == 0:
            return number
        if major == 1:
            return -1 - number
        if major == 2:
            return take(number).hex()
        if major == 3:
            return take(number).decode()
        if major == 4:
            return [value() for _ in range(number)]
        if major == 5:
            return {value(): value() for _ in range(number)}
        if major == 6:
            digest, length = value()
            check(number == 28004 and digest in texts, f"the text {digest} is missing")
            check(len(texts[digest].encode()) == length, f"the text {digest} has another length")
            return texts[digest]
        if info > 24:
            return struct.unpack({25: ">e", 26: ">f", 27: ">d"}[info], number.to_bytes(1 << (info - 24), "big"))[0]
        return {20: False, 21: True, 22: None}[info]

    found = value()
    check(at == len(data), "bytes are left over")
    return found


def digest(item):
    return bytes.fromhex(item["erased"]) if "erased" in item else sha256(
        bytes.fromhex(item["salt"]), bytes.fromhex(item["bytes"]))


def leaf(item):
    """What the root hashes of a change. What is left of an erased one says itself whether it was a creation."""
    if "erased" in item:
        return bytes([item["code"]]) + digest(item)
    fact = bytes.fromhex(item["bytes"])
    return bytes([fact[2] if fact[:2] == b"\x83\x00" else 0]) + digest(item)


def actor(context):
    """What the bytes of an actor context say, as the line says it."""
    fields = context.get(0, {})
    says = {name: fields.get(number, "") for number, name in enumerate(ACTOR)}
    says["kind"] = ["user", "service", "system"][fields.get(1, 0)]
    return says | {"idempotency_id": context.get(1, "")}


def change(fact):
    """What the bytes of a change say, as the line says it, but for old and new values."""
    if fact[0] == 0:
        fields = fact[2]
        created = {"name": fields.get(1, ""), "date_created": fields.get(3, 0)}
        return {"entity": f"{KINDS[fact[1]]} {fields[0]}", "created": created}
    if fact[0] == 2:
        purged = {"changes": fact[5], "done": fact[6]}
        return {"entity": f"{KINDS[fact[1]]} {fact[2]}", "previous": f"{fact[3]}.{fact[4]}", "purged": purged}
    edits = [FIELDS[edit[0]] + (edit[1] if len(edit) == 4 else "") for edit in fact[7]]
    return {"entity": f"{KINDS[fact[1]]} {fact[2]}", "previous": f"{fact[3]}.{fact[4]}", "edits": edits}


def verify(line, last, time, show):
    """Checks one line against the (sequence, hash) and the time of the one before. Answers its own, and counts."""
    pairs = lambda pairs: check(len(dict(pairs)) == len(pairs), "a field is there twice") or dict(pairs)
    commit = json.loads(line, object_pairs_hook=pairs)
    texts = {entry["digest"]: entry["text"] for entry in commit.get("texts", [])}
    for name, text in texts.items():
        check(sha256(text.encode()).hex() == name, f"the text {name} is not the one of its digest")
    header = bytes.fromhex(commit["header"])
    sequence, at, operations, count = cbor(header, {})
    changes = commit["changes"]
    told = [[name, changes] for name, changes, repeated in operations for _ in range(repeated)]
    check(sequence == last[0] + 1, f"commit {last[0] + 1} is missing: commit {sequence} stands in its place")
    check(at >= time, "its time is before that of the commit ahead")
    check(count == len(changes) == sum(changes for _, changes in told), "its changes are not as many as it tells")
    words = (commit["sequence"], commit["time"], commit["operations"], commit["previous"])
    check(words == (sequence, at, told, last[1].hex()), "what the line says is not what its header says")
    root = sha256(*map(leaf, changes))
    own = sha256(last[1], header, digest(commit["actor"]), root)
    check(own.hex() == commit["hash"], "its hash does not follow from its bytes and the commit ahead")
    who = cbor(bytes.fromhex(commit["actor"]["bytes"]), {}) if "bytes" in commit["actor"] else None
    check(who is None or actor(who) == commit["actor"]["says"], "what the line says of the actor is not so")
    if show:
        print(sequence, at, json.dumps(actor(who) if who else "erased"), told)
    for item in (item for item in changes if "bytes" in item):
        fact = cbor(bytes.fromhex(item["bytes"]), texts)
        says = dict(item["says"])
        if "edits" in says:
            says["edits"] = [edit["field"] for edit in says["edits"]]
        check(says == change(fact), "what the line says of a change is not so")
        if show:
            print("   ", json.dumps(fact))
    return (sequence, own), at, sum("erased" in item for item in changes + [commit["actor"]])


def head(text):
    sequence, _, digest = text.partition(":")
    return int(sequence), bytes.fromhex(digest)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=argparse.FileType("r", encoding="utf-8"))
    parser.add_argument("--head", type=head)
    parser.add_argument("--after", type=head, default=(0, bytes(32)))
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    last, time, erased, proven = options.after, -(1 << 63), 0, options.head in (None, options.after)
    try:
        for line in options.file:
            last, time, more = verify(line, last, time, options.show)
            erased += more
            proven = proven or last == options.head
        check(proven, "the log is not the one that the given head was taken from, or was cut")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, struct.error) as error:
        print(f"BROKEN after commit {last[0]}: {error}")
        return 1
    print(f"OK: {last[0] - options.after[0]} commits, {erased} erasures, head {last[0]}:{last[1].hex()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
