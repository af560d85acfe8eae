"""What an image's layers come to: an independent answer, from Python's tarfile and the rules for layers in plain words.

reference-tree.py DIRECTORY

The directory has one directory an image, and that its layers as files `0`, `1`, … Prints a JSON object: by image, its
tree as a list of nodes in the form of `TreeNode` (test/support/tree.ts), or a text: why there is none.
"""
import gzip, hashlib, io, json, os, re, subprocess, sys, tarfile
from decimal import Decimal, ROUND_FLOOR

FIRST, LAST = -(2**31), 2**34 - 2**31 - 1
NAMESPACES = ("user.", "trusted.", "security.", "system.")
DROPPED = {"security.selinux", "security.ima", "security.evm", "system.nfs4_acl", "user.rootlesscontainers"}
FORGED = ("trusted.overlay.", "user.overlay.")


class Refused(Exception):
    pass


class Ignored(dict):
    """Global headers: they are read, and forgotten."""

    def __setitem__(self, key, value):
        pass

    def copy(self):
        return {}


class Inode:
    def __init__(self, kind, layer, member=None, content=b""):
        self.kind, self.layer, self.content = kind, layer, content
        self.mode, self.owner, self.time, self.xattrs, self.more = 0o755, "0:0", (0, 0), {}, {}
        self.children = {} if kind == "directory" else None
        self.described = member is not None
        if member is not None:
            self.describe(member, layer)

    def describe(self, member, layer):
        self.layer, self.described = layer, True
        self.mode = 0o777 if self.kind == "symlink" else member.mode & 0o7777
        self.owner = f"{member.uid}:{member.gid}"
        self.time = time_of(member)
        self.xattrs = xattrs_of(member, self.kind)

    def forget(self):
        self.described, self.mode, self.owner, self.time, self.xattrs = False, 0o755, "0:0", (0, 0), {}


class Link:
    """A name in a directory: what it leads to, and the last layer that has something here or below."""

    def __init__(self, inode, layer):
        self.inode, self.layer = inode, layer


def raw(text):
    return text.encode("utf-8", "surrogateescape")


def time_of(member):
    value = member.pax_headers.get("mtime")
    exact = Decimal(value) if value else Decimal(member.mtime)
    whole = int(exact.to_integral_value(ROUND_FLOOR))
    if whole < FIRST:
        return FIRST, 0
    if whole > LAST:
        return LAST, 0
    return whole, int((exact - whole) * 10**9)


def xattrs_of(member, kind):
    kept = {}
    for key, value in member.pax_headers.items():
        name = key[len("SCHILY.xattr."):]
        if not key.startswith("SCHILY.xattr.") or name in DROPPED or name.startswith(FORGED):
            continue
        if any(name.startswith(space) and name != space for space in NAMESPACES):
            if not name.startswith("user.") or kind in ("file", "directory"):
                kept[raw(name).decode("latin-1")] = raw(value).decode("latin-1")
    return dict(sorted(kept.items()))


KINDS = {
    tarfile.DIRTYPE: "directory", tarfile.SYMTYPE: "symlink", tarfile.LNKTYPE: "hardlink",
    tarfile.CHRTYPE: "character", tarfile.BLKTYPE: "block", tarfile.FIFOTYPE: "fifo",
}


def clean(path):
    parts = []
    for part in path.split(b"/"):
        if part == b"..":
            del parts[-1:]
        elif part not in (b"", b"."):
            parts.append(part)
    return parts


def steps(target):
    return [part for part in target.split(b"/") if part not in (b"", b".")]


class Image:
    def __init__(self):
        self.root = Link(Inode("directory", -1), -1)
        self.layer = -1

    def walk(self, parts, make):
        """The way to a directory, root first; None when it isn't there, or no directory and not to be made one."""
        way, pending, follows = [self.root], list(reversed(parts)), 0
        while pending:
            part = pending.pop()
            if part == b"..":
                way = way[:-1] or way
                continue
            here = way[-1].inode.children
            link = here.get(part)
            if link is not None and link.inode.kind == "symlink":
                follows += 1
                if follows > 40:
                    raise Refused("too many symlinks")
                target = link.inode.more["target"]
                if target.startswith(b"/"):
                    way = [self.root]
                pending.extend(reversed(steps(target)))
                continue
            if link is None or link.inode.kind != "directory":
                if not make:
                    return None
                link = here[part] = Link(Inode("directory", self.layer), self.layer)
            way.append(link)
        if make:
            for link in way:
                link.layer = self.layer
        return way

    def apply(self, member, content):
        parts = clean(raw(member.name))
        kind = KINDS.get(member.type, "file")
        if not parts:
            if kind != "directory":
                raise Refused("the root is no directory")
            self.root.inode.describe(member, self.layer)
            return
        *parents, name = parts
        if name.startswith(b".wh."):
            self.mark(parents, name[4:], name == b".wh..wh..opq")
            return
        way = self.walk(parents, True)
        here = way[-1].inode.children
        there = here.get(name)
        if kind == "hardlink":
            inode = self.target(clean(raw(member.linkname)), there)
        elif kind == "directory" and there is not None and there.inode.kind == "directory":
            there.inode.describe(member, self.layer)
            there.layer = self.layer
            return
        else:
            inode = Inode(kind, self.layer, member, content)
            if kind == "symlink":
                inode.more["target"] = raw(member.linkname)
            if kind in ("character", "block"):
                inode.more["device"] = f"{member.devmajor}:{member.devminor}"
        here[name] = Link(inode, self.layer)

    def target(self, parts, replaced):
        way = self.walk(parts[:-1], False) if parts else None
        found = way and way[-1].inode.children.get(parts[-1])
        if not found or found.inode.kind == "directory" or (replaced is not None and replaced in way):
            raise Refused("a hardlink to nothing")
        return found.inode

    def mark(self, parents, hidden, opaque):
        if not opaque and hidden in (b"", b".", b".."):
            raise Refused("a whiteout of nothing")
        way = self.walk(parents, False)
        if way is None:
            return
        here = way[-1].inode.children
        if opaque:
            self.clear(way[-1].inode)
        elif hidden in here and self.hide(here[hidden]):
            del here[hidden]

    def hide(self, link):
        """What this layer has stays, and the way to it: as directories that nobody described."""
        if link.layer != self.layer:
            return True
        if link.inode.kind == "directory":
            self.clear(link.inode)
            if link.inode.layer != self.layer:
                link.inode.forget()
        return False

    def clear(self, directory):
        for name, link in list(directory.children.items()):
            if self.hide(link):
                del directory.children[name]

    def nodes(self):
        found, pending = [], [(b".", self.root.inode)]
        while pending:
            path, inode = pending.pop()
            found.append((path, inode))
            for name, link in (inode.children or {}).items():
                pending.append((name if path == b"." else path + b"/" + name, link.inode))
        found.sort(key=lambda node: node[0])
        first = {}
        return [self.node(path, inode, first) for path, inode in found]

    def node(self, path, inode, first):
        name = path.decode("latin-1")
        known = first.setdefault(id(inode), name)
        node = {"path": name, "type": inode.kind, "mode": format(inode.mode, "o"), "owner": inode.owner}
        node["time"] = "%d.%09d" % inode.time
        if inode.kind == "file":
            node["size"] = len(inode.content)
            node["sha256"] = hashlib.sha256(inode.content).hexdigest()
        if inode.kind == "symlink":
            node["link"] = inode.more["target"].decode("latin-1")
        if "device" in inode.more:
            node["device"] = inode.more["device"]
        node["xattrs"] = inode.xattrs
        if known != name:
            node["sameAs"] = known
        return node


def unpacked(layer):
    if layer[:3] == b"\x1f\x8b\x08":
        return gzip.decompress(layer)
    if layer[:4] == b"\x28\xb5\x2f\xfd" or re.match(rb"[\x50-\x5f]\x2a\x4d\x18", layer):
        return subprocess.run(["zstd", "-dcq"], input=layer, stdout=subprocess.PIPE, check=True).stdout
    return layer


def describe(layers):
    image = Image()
    for layer in layers:
        image.layer += 1
        tar = unpacked(layer)
        if not tar.strip(b"\0"):
            continue
        with tarfile.open(fileobj=io.BytesIO(tar), mode="r:", pax_headers=Ignored()) as archive:
            for member in archive:
                image.apply(member, archive.extractfile(member).read() if member.isreg() else b"")
    return image.nodes()


def main(directory):
    trees = {}
    for name in os.listdir(directory):
        path = os.path.join(directory, name)
        layers = [open(os.path.join(path, str(i)), "rb").read() for i in range(len(os.listdir(path)))]
        try:
            trees[name] = describe(layers)
        except (Refused, tarfile.TarError, ValueError, OSError, subprocess.CalledProcessError) as reason:
            trees[name] = repr(reason)
    print(json.dumps(trees))


main(sys.argv[1])
