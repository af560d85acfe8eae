"""Lists tars with Python's tarfile, a line of JSON each: entries, or why there are none.

list-tar.py FILE…
"""
import hashlib, json, math, sys, tarfile

MAX_SIZE = 2**26
KINDS = {
    tarfile.REGTYPE: "file", tarfile.AREGTYPE: "file", tarfile.CONTTYPE: "file", tarfile.GNUTYPE_SPARSE: "file",
    tarfile.DIRTYPE: "directory", tarfile.SYMTYPE: "symlink", tarfile.LNKTYPE: "hardlink",
    tarfile.CHRTYPE: "character", tarfile.BLKTYPE: "block", tarfile.FIFOTYPE: "fifo",
}


class Strict(tarfile.TarInfo):
    """Remembers what made the reading stop: tarfile takes a bad header for the end."""

    fault = None

    @classmethod
    def fromtarfile(cls, archive):
        try:
            return super().fromtarfile(archive)
        except (tarfile.EOFHeaderError, tarfile.EmptyHeaderError):
            raise
        except tarfile.HeaderError as fault:
            cls.fault = fault
            raise


class Ignored(dict):
    """Global headers: they are read, and forgotten."""

    def __setitem__(self, key, value):
        pass

    def copy(self):
        return {}


def text(name):
    return name.encode("utf-8", "surrogateescape").decode("latin-1")


def describe(archive, member, content):
    kind = KINDS.get(member.type)
    if kind is None:
        raise ValueError(f"type {member.type}")
    if kind == "file":
        if member.size > MAX_SIZE:
            raise ValueError("too large")
        data = archive.extractfile(member).read()
        if len(data) != member.size:
            raise ValueError("cut off")
        content.update(data)
    return {
        "type": kind,
        "path": text(member.name).rstrip("/"),
        "link": text(member.linkname) if kind in ("symlink", "hardlink") else "",
        "mode": member.mode & 0o7777,
        "uid": member.uid,
        "gid": member.gid,
        "seconds": math.floor(member.mtime),
        "size": member.size if kind == "file" else 0,
        "device": f"{member.devmajor}:{member.devminor}" if kind in ("character", "block") else "",
    }


def listing(path):
    if not open(path, "rb").read().strip(b"\0"):
        return {"entries": [], "content": hashlib.sha256().hexdigest()}
    Strict.fault = None
    content = hashlib.sha256()
    try:
        with tarfile.open(path, "r:", tarinfo=Strict, pax_headers=Ignored()) as archive:
            entries = [describe(archive, member, content) for member in archive]
        if Strict.fault is not None:
            raise Strict.fault
    except Exception as error:
        return {"entries": [], "content": "", "error": f"{type(error).__name__}: {error}"}
    return {"entries": entries, "content": content.hexdigest()}


for file in sys.argv[1:]:
    print(json.dumps(listing(file)))
