"""Reads EROFS images and their devices without the kernel, and prints the tree of each as a line of JSON.

    read-erofs.py IMAGE [DEVICE...] [-- IMAGE [DEVICE...]]...

Written from the format's description (Linux, Documentation/filesystems/erofs.rst and fs/erofs/erofs_fs.h), apart from
the writer that it judges: it knows uncompressed layouts only, and is strict about what a writer must keep to.
"""

import hashlib
import json
import struct
import sys

TYPES = {0o010: "fifo", 0o020: "character", 0o040: "directory", 0o060: "block", 0o100: "file", 0o120: "symlink"}
FILE_TYPES = {1: "file", 2: "directory", 3: "character", 4: "block", 5: "fifo", 7: "symlink"}
PREFIXES = {1: "user.", 2: "system.posix_acl_access", 3: "system.posix_acl_default", 4: "trusted.", 6: "security."}
PLAIN, INLINE, CHUNKS = 0, 2, 4
HOLE = 0xFFFFFFFF


def check(condition, what):
    if not condition:
        sys.exit(f"read-erofs: {what}")


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc


class Image:
    def __init__(self, paths):
        self.files = [open(path, "rb") for path in paths]
        (magic, checksum, compat, self.bits, extra, root, self.inodes, self.seconds, self.nanoseconds, blocks,
         meta, self.xattr_block, _, _, incompat, _, devices, slot, dirbits) = struct.unpack(
            "<IIIBBHQqIIII16s16sIHHHB", self.read(0, 1024, 91))
        self.block = 1 << self.bits
        self.meta = meta * self.block
        check(magic == 0xE0F5E1E2, "no EROFS image")
        check(extra == 0 and dirbits == 0, "unknown superblock extension")
        check(incompat & ~0xC == 0, f"unknown features {incompat:x}")
        check(compat & 1, "no checksum")
        covered = self.block - 1024 if self.block > 1024 else self.block
        data = bytearray(self.read(0, 1024, covered))
        data[4:8] = bytes(4)
        check(crc32c(data) == checksum, "wrong checksum")
        size = self.files[0].seek(0, 2)
        check(size == blocks * self.block, f"{size} bytes are not {blocks} blocks")
        check(devices == len(paths) - 1, f"image wants {devices} devices")
        check(devices == 0 or incompat & 8, "devices without a table")
        self.limits = [blocks]
        for i in range(devices):
            tag, count, mapped = struct.unpack("<64sII", self.read(0, (slot + i) * 128, 72))
            length = self.files[i + 1].seek(0, 2)
            check(mapped == 0 and count * self.block <= length, f"device {i + 1} is too short")
            self.limits.append(count)
        self.mask = (1 << devices.bit_length()) - 1
        self.seen = {}
        self.nodes = []
        self.links = {}
        self.walk(root, root, b".", "directory")
        check(len(self.seen) == self.inodes, f"{len(self.seen)} inodes, {self.inodes} said")
        for nid, names in self.links.items():
            check(self.seen[nid].links == names, f"inode {nid}: {names} names, {self.seen[nid].links} said")

    def read(self, device, at, length):
        file = self.files[device]
        file.seek(at)
        data = file.read(length)
        check(len(data) == length, f"device {device} ends before {at + length}")
        return data

    def walk(self, root, parent, path, kind):
        stack = [(root, parent, path, kind)]
        while stack:
            nid, parent, path, kind = stack.pop()
            first = nid in self.seen
            inode = self.seen.setdefault(nid, None) or Inode(self, nid)
            check(inode.kind == kind, f"{path}: entry says {kind}, inode {inode.kind}")
            check(not (first and kind == "directory"), f"{path}: a directory of two names")
            self.seen[nid] = inode
            if kind == "directory":
                children = inode.entries(nid, parent)
                self.links[nid] = 2 + sum(entry[2] == "directory" for entry in children)
                prefix = b"" if path == b"." else path + b"/"
                stack += [(child, nid, prefix + name, type) for name, child, type in children]
            else:
                self.links[nid] = self.links.get(nid, 0) + 1
            self.nodes.append((path, nid, inode))

    def tree(self):
        firsts = {}
        out = []
        for path, nid, inode in sorted(self.nodes, key=lambda node: node[0]):
            node = inode.describe(path.decode("latin1"))
            if nid in firsts:
                node["sameAs"] = firsts[nid]
            elif inode.links > 1 and inode.kind != "directory":
                firsts[nid] = path.decode("latin1")
            out.append(node)
        return out


class Inode:
    def __init__(self, image, nid):
        self.image = image
        at = image.meta + nid * 32
        format, icount, mode = struct.unpack("<HHH", image.read(0, at, 6))
        check(format & ~0xF == 0, f"inode {nid}: unknown format {format:x}")
        self.layout = format >> 1
        self.kind = TYPES.get(mode >> 9 & 0o170)
        check(self.kind is not None, f"inode {nid}: mode {mode:o}")
        self.mode = mode & 0o7777
        if format & 1:
            (_, self.size, self.payload, _, self.uid, self.gid, self.seconds, self.nanoseconds, self.links,
             rest) = struct.unpack("<HQIIIIqII16s", image.read(0, at + 6, 58))
            check(rest == bytes(16), f"inode {nid}: reserved bytes")
            self.end = at + 64
        else:
            self.links, self.size, reserved, self.payload, _, self.uid, self.gid, rest = struct.unpack(
                "<HIIIIHHI", image.read(0, at + 6, 26))
            check(reserved == 0 and rest == 0, f"inode {nid}: reserved bytes")
            self.seconds, self.nanoseconds = image.seconds, image.nanoseconds
            self.end = at + 32
        self.xattrs = {}
        if icount > 0:
            size = 12 + 4 * (icount - 1)
            self.read_xattrs(image.read(0, self.end, size))
            self.end += size
        if self.layout == INLINE:
            tail = self.size % image.block
            check(tail > 0 and self.end % image.block + tail <= image.block, f"inode {nid}: tail across blocks")
            check(at // image.block == (self.end + tail - 1) // image.block, f"inode {nid}: tail apart from inode")

    def read_xattrs(self, body):
        image = self.image
        shared = body[4]
        at = 12 + 4 * shared
        check(len(body) >= at > 12 or shared == 0, "shared attributes cut off")
        for (number,) in struct.iter_unpack("<I", body[12:at]):
            place = image.xattr_block * image.block + 4 * number
            name, _, value = struct.unpack("<BBH", image.read(0, place, 4))
            self.add_xattr(image.read(0, place, 4 + name + value))
        while at < len(body):
            name, _, value = struct.unpack_from("<BBH", body, at)
            check(at + 4 + name + value <= len(body), "attribute cut off")
            self.add_xattr(body[at:at + 4 + name + value])
            at += (4 + name + value + 3) & ~3

    def add_xattr(self, entry):
        length, index, _ = struct.unpack_from("<BBH", entry)
        key = PREFIXES[index] + entry[4:4 + length].decode("latin1")
        check(key not in self.xattrs, f"attribute {key} twice")
        self.xattrs[key] = entry[4 + length:].decode("latin1")

    def data(self):
        """Bytes, in pieces."""
        image, left = self.image, self.size
        if self.layout == CHUNKS:
            check(self.payload & ~0x3F == 0 and self.payload & 0x20, f"chunk format {self.payload:x}")
            chunk = image.block << (self.payload & 0x1F)
            at = (self.end + 7) & ~7
            while left > 0:
                advise, device, block = struct.unpack("<HHI", image.read(0, at, 8))
                check(advise == 0, "advise is not 0")
                yield from self.extent(device & image.mask, block, min(chunk, left))
                left -= chunk
                at += 8
            return
        whole = left - left % image.block if self.layout == INLINE else left
        check(self.layout in (PLAIN, INLINE), f"layout {self.layout}")
        if whole > 0:
            yield from self.extent(0, self.payload, whole)
        if left > whole:
            yield image.read(0, self.end, left - whole)

    def extent(self, device, block, length):
        image = self.image
        if block == HOLE:
            while length > 0:
                yield bytes(min(length, 1 << 20))
                length -= 1 << 20
            return
        last = block + (length + image.block - 1) // image.block
        check(last <= image.limits[device], f"blocks up to {last} of device {device}")
        for at in range(0, length, 1 << 20):
            yield image.read(device, block * image.block + at, min(1 << 20, length - at))

    def entries(self, nid, parent):
        """Children, of a directory whose packing is checked on the way."""
        data = b"".join(self.data())
        found = []
        for at in range(0, len(data), self.image.block):
            block = data[at:at + self.image.block]
            count = struct.unpack_from("<H", block, 8)[0] // 12
            offsets = [struct.unpack_from("<QHBB", block, 12 * i) for i in range(count)]
            check(offsets[0][1] == 12 * count, f"directory {nid}: names do not follow entries")
            for i, (child, start, type, reserved) in enumerate(offsets):
                end = offsets[i + 1][1] if i + 1 < count else len(block)
                name = block[start:end]
                name = name.rstrip(b"\0") if i + 1 == count else name
                check(0 < len(name) <= 255 and b"/" not in name and b"\0" not in name, f"directory {nid}: {name}")
                check(reserved == 0, f"directory {nid}: reserved byte")
                found.append((name, child, FILE_TYPES[type]))
        names = [entry[0] for entry in found]
        check(names == sorted(set(names)), f"directory {nid} is out of order")
        special = {name: child for name, child, _ in found if name in (b".", b"..")}
        check(special == {b".": nid, b"..": parent}, f"directory {nid}: dots lead to {special}")
        return [entry for entry in found if entry[0] not in special]

    def describe(self, path):
        node = {
            "path": path,
            "type": self.kind,
            "mode": f"{self.mode:o}",
            "owner": f"{self.uid}:{self.gid}",
            "time": f"{self.seconds}.{self.nanoseconds:09}",
        }
        if self.kind == "file":
            hash = hashlib.sha256()
            for piece in self.data():
                hash.update(piece)
            node.update(size=self.size, sha256=hash.hexdigest())
        if self.kind == "symlink":
            node["link"] = b"".join(self.data()).decode("latin1")
        if self.kind in ("character", "block"):
            number = self.payload
            node["device"] = f"{number >> 8 & 0xFFF}:{number & 0xFF | number >> 12 & 0xFFF00}"
        node["xattrs"] = dict(sorted(self.xattrs.items()))
        return node


paths = []
for argument in sys.argv[1:] + ["--"]:
    if argument != "--":
        paths.append(argument)
        continue
    print(json.dumps(Image(paths).tree()))
    paths = []
