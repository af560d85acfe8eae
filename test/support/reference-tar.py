"""Lists a tar, or writes a sample one, with Python's tarfile: what the reader must agree with.

reference-tar.py list FILE | reference-tar.py write FILE ustar|gnu|pax
"""
import hashlib, io, json, math, os, sys, tarfile

KINDS = {
    tarfile.REGTYPE: "file", tarfile.AREGTYPE: "file", tarfile.CONTTYPE: "file", tarfile.GNUTYPE_SPARSE: "file",
    tarfile.DIRTYPE: "directory", tarfile.SYMTYPE: "symlink", tarfile.LNKTYPE: "hardlink",
    tarfile.CHRTYPE: "character", tarfile.BLKTYPE: "block", tarfile.FIFOTYPE: "fifo",
}


def text(name):
    """Bytes as a latin-1 string."""
    return name.encode("utf-8", "surrogateescape").decode("latin-1")


def describe(archive, member):
    data = archive.extractfile(member).read() if member.isreg() else b""
    device = member.ischr() or member.isblk()
    return {
        "type": KINDS[member.type],
        "path": text(member.name),
        "link": text(member.linkname) if member.issym() or member.islnk() else "",
        "mode": member.mode & 0o7777,
        "uid": member.uid,
        "gid": member.gid,
        "seconds": math.floor(member.mtime),
        "major": member.devmajor if device else 0,
        "minor": member.devminor if device else 0,
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "xattrs": {
            key[len("SCHILY.xattr."):]: text(value)
            for key, value in sorted(member.pax_headers.items())
            if key.startswith("SCHILY.xattr.")
        },
    }


def write(file, form):
    formats = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
    with tarfile.open(file, "w", format=formats[form]) as archive:
        def add(name, kind=tarfile.REGTYPE, data=b"", **fields):
            member = tarfile.TarInfo(name)
            member.type = kind
            member.size = len(data)
            for field, value in fields.items():
                setattr(member, field, value)
            archive.addfile(member, io.BytesIO(data))

        add("d", tarfile.DIRTYPE, mode=0o1777, mtime=1)
        add("d/file", data=b"data" * 500, mode=0o4755, uid=1000, gid=100, mtime=1700000000)
        add("d/contiguous", tarfile.CONTTYPE, data=b"c")
        add("d/hard", tarfile.LNKTYPE, linkname="d/file")
        add("d/soft", tarfile.SYMTYPE, linkname="../e/\u00e9", mode=0o777)
        add("d/null", tarfile.CHRTYPE, devmajor=1, devminor=3)
        add("d/disk", tarfile.BLKTYPE, devmajor=259, devminor=70000)
        add("d/fifo", tarfile.FIFOTYPE)
        add("p" * 60 + "/" + "q" * 90, data=b"long")
        add("d/\udcff\udcfe", data=b"no text")
        if form != "ustar":
            add("/".join(["deep" * 20] * 10), data=b"longer", uid=4294967294, gid=5000000, mtime=-5)
            add("d/longlink", tarfile.SYMTYPE, linkname="t" * 300)
            add("d/longhard", tarfile.LNKTYPE, linkname="/".join(["deep" * 20] * 10))
        if form == "pax":
            add("d/attributes", data=b"x", mtime=1.5, pax_headers={"SCHILY.xattr.user.a": "b\nc=d", "comment": "none"})


if sys.argv[1] == "write":
    write(sys.argv[2], sys.argv[3])
else:
    with tarfile.open(sys.argv[2]) as opened:
        print(json.dumps([describe(opened, member) for member in opened]))
