#!/usr/bin/env python3
"""Checks a davit store by its files alone, sharing no code with davit.

usage: verify-store.py ROOT [--clean]

Prints a line for each broken invariant, and exits 1 when there is one:
  every committed blob hashes to its name and is a read-only regular file of the store's owner;
  every image record's closure is here: target, manifest, config, each layer or its tar, its snapshot;
  every EROFS snapshot has an image and the tars of its layers; parents are here;
  every layer index belongs to a tar; index.json names exactly the images whose blobs are all here;
  nothing lies where davit puts nothing.
--clean: nothing of a broken run is left either: no staging, trash, lease or lock holder. Partial downloads may stay.
"""

import fcntl
import hashlib
import json
import os
import re
import stat
import sys

ALGORITHMS = {"sha256": (hashlib.sha256, 64), "sha512": (hashlib.sha512, 128)}
TOP = {"version", "blobs", "ingest", "indexes", "images", "snapshots", "db", "locks", "oci-layout", "index.json", "trash"}
REF_NAME = "org.opencontainers.image.ref.name"
problems = []


def problem(text):
    problems.append(text)


def names(*parts):
    path = os.path.join(root, *parts)
    return sorted(os.listdir(path)) if os.path.isdir(path) else []


def load(*parts):
    try:
        with open(os.path.join(root, *parts), "rb") as file:
            return json.loads(file.read())
    except (OSError, ValueError) as error:
        problem(f"{'/'.join(parts)}: {error}")
        return None


def split(digest):
    algorithm, _, digits = digest.partition(":")
    return algorithm, digits


def has(digest):
    algorithm, digits = split(digest)
    return os.path.isfile(os.path.join(root, "blobs", algorithm, digits))


def check_blobs():
    owner = os.stat(root).st_uid
    for algorithm in names("blobs"):
        if algorithm not in ALGORITHMS:
            problem(f"blobs/{algorithm}: unknown")
            continue
        new, length = ALGORITHMS[algorithm]
        for name in names("blobs", algorithm):
            path = os.path.join(root, "blobs", algorithm, name)
            where = f"blobs/{algorithm}/{name}"
            status = os.lstat(path)
            if not re.fullmatch(f"[0-9a-f]{{{length}}}", name) or not stat.S_ISREG(status.st_mode):
                problem(f"{where}: no blob")
                continue
            if status.st_mode & 0o222 or status.st_uid != owner:
                problem(f"{where}: mode {status.st_mode:o} of {status.st_uid}")
            digest = new()
            with open(path, "rb") as file:
                while piece := file.read(1 << 20):
                    digest.update(piece)
            if digest.hexdigest() != name:
                problem(f"{where}: hashes to {digest.hexdigest()}")


def snapshots():
    """Records by (snapshotter, key)."""
    found = {}
    for name in names("snapshots"):
        if name.startswith(".") or name.startswith(("new-", "rm-")):
            continue
        where = f"snapshots/{name}"
        record = load("snapshots", name, "record.json")
        if record is None:
            continue
        # Until the directory bears its new name, what it was before counts.
        believed = None
        for one in (record, record.get("was")):
            if one is None:
                continue
            identity = hashlib.sha256(f"{one['snapshotter']}\0{one['key']}".encode()).hexdigest()[:32]
            if identity == name:
                believed = believed or one
        if believed is None:
            problem(f"{where}: its record names another")
            continue
        found[(believed["snapshotter"], believed["key"])] = (name, believed)
    return found


def check_snapshots(found):
    for (snapshotter, key), (name, record) in found.items():
        parent = record.get("parent")
        if parent is not None and (snapshotter, parent) not in found:
            problem(f"snapshots/{name}: its parent {parent} is missing")
        if record["kind"] != "committed":
            continue
        if snapshotter == "erofs":
            image = os.path.join(root, "snapshots", name, "rootfs.erofs")
            try:
                with open(image, "rb") as file:
                    file.seek(1024)
                    if file.read(4) != b"\xe2\xe1\xf5\xe0":
                        problem(f"snapshots/{name}: no EROFS image")
            except OSError as error:
                problem(f"snapshots/{name}: {error}")
            for diff_id in record["diffIds"]:
                if not has(diff_id):
                    problem(f"snapshots/{name}: the tar {diff_id} is missing")
        elif not os.path.isdir(os.path.join(root, "snapshots", name, "fs")):
            problem(f"snapshots/{name}: it has no files")


def blob_json(digest, what):
    if not has(digest):
        problem(f"{what}: {digest} is missing")
        return None
    return load("blobs", *split(digest))


def check_images(found):
    """Answers the (reference, manifest) of those whose blobs are all here."""
    whole = set()
    for name in names("images"):
        if not name.endswith(".json"):
            continue
        record = load("images", name)
        if record is None:
            continue
        what = f"images/{name} ({record['reference']})"
        if not has(record["target"]["digest"]):
            problem(f"{what}: {record['target']['digest']} is missing")
        manifest = blob_json(record["manifest"]["digest"], what)
        config = manifest and blob_json(manifest["config"]["digest"], what)
        if not config:
            continue
        layers = [layer["digest"] for layer in manifest["layers"]]
        diff_ids = config["rootfs"]["diff_ids"]
        if len(layers) != len(diff_ids):
            problem(f"{what}: {len(layers)} layers, {len(diff_ids)} diff IDs")
        for layer, diff_id in zip(layers, diff_ids):
            if not has(layer) and not has(diff_id):
                problem(f"{what}: layer {layer} is missing")
        if all(has(layer) for layer in layers):
            whole.add((record["reference"], record["manifest"]["digest"]))
        chain = None
        for diff_id in diff_ids:
            chain = diff_id if chain is None else "sha256:" + hashlib.sha256(f"{chain} {diff_id}".encode()).hexdigest()
        if record.get("chainId") is not None:
            if record["chainId"] != chain:
                problem(f"{what}: chain ID {record['chainId']} instead of {chain}")
            if (record["snapshotter"], record["chainId"]) not in found:
                problem(f"{what}: snapshot {record['snapshotter']}/{record['chainId']} is missing")
    return whole


def check_oci(whole):
    if not os.path.exists(os.path.join(root, "index.json")):
        if whole:
            problem("index.json: missing")
        return
    index = load("index.json")
    if index is None:
        return
    named = {(one["annotations"][REF_NAME], one["digest"]) for one in index["manifests"]}
    for reference, digest in named ^ whole:
        problem(f"index.json: {'lacks' if (reference, digest) in whole else 'names'} {reference} {digest}")


def check_places(clean):
    for name in names():
        if name not in TOP and not re.fullmatch(r"(version|index\.json|oci-layout)\.[0-9a-f]{12}\.new", name):
            problem(f"{name}: unknown")
    with open(os.path.join(root, "version")) as file:
        if file.read() != "1\n":
            problem("version: not 1")
    if stat.S_IMODE(os.stat(root).st_mode) & 0o077:
        problem("the root is open to others")
    for algorithm in names("indexes"):
        for name in names("indexes", algorithm):
            if clean and name.endswith(".new"):
                problem(f"indexes/{algorithm}/{name}: left over")
            elif not name.endswith(".new") and clean and not has(f"{algorithm}:{name}"):
                problem(f"indexes/{algorithm}/{name}: its tar is missing")
    if not clean:
        return
    left = [f"trash/{name}" for name in names("trash")]
    left += [f"locks/leases/{name}" for name in names("locks", "leases")]
    left += [f"images/{name}" for name in names("images") if name.endswith(".new")]
    left += [name for name in names() if name.endswith(".new") or name.endswith("-new")]
    left += [f"snapshots/{name}" for name in names("snapshots") if name.startswith(("new-", "rm-"))]
    for directory in names("snapshots"):
        if not directory.startswith("."):
            left += [f"snapshots/{directory}/{n}" for n in names("snapshots", directory) if n.startswith("record.json.")]
    for path in left:
        problem(f"{path}: left over")
    for name in names("locks"):
        path = os.path.join(root, "locks", name)
        if not os.path.isfile(path):
            continue
        with open(path, "rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                problem(f"locks/{name}: still held")


root = sys.argv[1]
check_blobs()
records = snapshots()
check_snapshots(records)
check_oci(check_images(records))
check_places("--clean" in sys.argv[2:])
for line in problems:
    print(line)
sys.exit(1 if problems else 0)
