"""Runs a program, and does something to it at one of its system calls that change files.

    at-call.py [--at N] [--do WHAT] [--on] [--mount DIR] --report FILE -- PROGRAM ARGUMENT…

Every process and thread of PROGRAM stops before each such call, and they are counted in the order in which they come,
over all of them: what strace, which counts by thread, can't. At number N, before the call is done (WHAT):

    kill          PROGRAM is killed; its children find that out for themselves
    kill-child    the child of PROGRAM whose call it is, N being counted over children only, is killed
    shutdown      the file system mounted at DIR stops as in a power cut: what it was not told to sync is lost; then
                  PROGRAM is killed. Also at its end, when there is no call N
    EIO, …        the call, or the first after it that can, fails with that error instead (--on: and all such later)

FILE gets a JSON object: `calls` and `child_calls`, how many were counted; of the one that it happened at, if it did, `at`, `name` and
`path`; how PROGRAM ended, `status` or `signal`; `alive`, when something of it was still there half a minute later.

Source: seccomp_unotify(2); the numbers: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h.
"""
import argparse
import ctypes
import errno
import fcntl
import json
import os
import platform
import select
import signal
import stat
import struct
import threading
import time

# Numbers on x86_64 and arm64.
CALLS = {
    'write': (1, 64), 'pwrite64': (18, 68), 'writev': (20, 66), 'pwritev': (296, 70), 'pwritev2': (328, 287),
    'open': (2, None), 'creat': (85, None), 'openat': (257, 56), 'openat2': (437, 437),
    'rename': (82, None), 'renameat': (264, 38), 'renameat2': (316, 276),
    'unlink': (87, None), 'unlinkat': (263, 35), 'rmdir': (84, None),
    'mkdir': (83, None), 'mkdirat': (258, 34), 'mknod': (133, None), 'mknodat': (259, 33),
    'link': (86, None), 'linkat': (265, 37), 'symlink': (88, None), 'symlinkat': (266, 36),
    'fsync': (74, 82), 'fdatasync': (75, 83), 'syncfs': (306, 267), 'sync_file_range': (277, 84), 'msync': (26, 227),
    'truncate': (76, 45), 'ftruncate': (77, 46), 'fallocate': (285, 47),
    'copy_file_range': (326, 285), 'sendfile': (40, 71),
    'chmod': (90, None), 'fchmod': (91, 52), 'fchmodat': (268, 53), 'fchmodat2': (452, 452),
    'chown': (92, None), 'lchown': (94, None), 'fchown': (93, 55), 'fchownat': (260, 54), 'utimensat': (280, 88),
    'setxattr': (188, 5), 'lsetxattr': (189, 6), 'fsetxattr': (190, 7),
    'removexattr': (197, 14), 'lremovexattr': (198, 15), 'fremovexattr': (199, 16),
    'mount': (165, 40), 'umount2': (166, 39), 'move_mount': (429, 429), 'fsmount': (432, 432),
    'fsconfig': (431, 431), 'mount_setattr': (442, 442),
}
ON_DESCRIPTOR = {
    'write': 0, 'pwrite64': 0, 'writev': 0, 'pwritev': 0, 'pwritev2': 0, 'fsync': 0, 'fdatasync': 0, 'syncfs': 0,
    'sync_file_range': 0, 'ftruncate': 0, 'fallocate': 0, 'copy_file_range': 2, 'sendfile': 0,
    'fchmod': 0, 'fchown': 0, 'fsetxattr': 0, 'fremovexattr': 0,
}
# Where the path is that the call is about: the new name, where there are two.
PATH_ARGUMENT = {
    'open': 0, 'creat': 0, 'openat': 1, 'openat2': 1, 'rename': 1, 'renameat': 3, 'renameat2': 3, 'unlink': 0,
    'unlinkat': 1, 'rmdir': 0, 'mkdir': 0, 'mkdirat': 1, 'mknod': 0, 'mknodat': 1, 'link': 1, 'linkat': 3, 'symlink': 1,
    'symlinkat': 2, 'truncate': 0, 'chmod': 0, 'fchmodat': 1, 'fchmodat2': 1, 'chown': 0, 'lchown': 0, 'fchownat': 1,
    'utimensat': 1, 'setxattr': 0, 'lsetxattr': 0, 'removexattr': 0, 'lremovexattr': 0, 'mount': 1, 'umount2': 0,
}
OPENS = {'open': 1, 'openat': 2}
MAKES = os.O_CREAT | os.O_TRUNC
TAKES_SPACE = {
    'write', 'pwrite64', 'writev', 'pwritev', 'pwritev2', 'creat', 'open', 'openat', 'openat2', 'rename', 'renameat',
    'renameat2', 'mkdir', 'mkdirat', 'mknod', 'mknodat', 'link', 'linkat', 'symlink', 'symlinkat', 'fallocate',
    'copy_file_range', 'fsync', 'fdatasync', 'syncfs', 'setxattr', 'lsetxattr', 'fsetxattr',
}
ACTIONS = ('kill', 'kill-child', 'shutdown')
CAN_FAIL = {
    'ENOSPC': TAKES_SPACE, 'EDQUOT': TAKES_SPACE, 'EIO': set(CALLS), 'EMFILE': {'open', 'creat', 'openat', 'openat2'},
    'EACCES': set(PATH_ARGUMENT), 'EROFS': set(PATH_ARGUMENT),
}
ARCHITECTURES = {'x86_64': (0, 0xC000003E), 'aarch64': (1, 0xC00000B7)}
COLUMN, AUDIT_ARCH = ARCHITECTURES[platform.machine()]
NAMES = {numbers[COLUMN]: name for name, numbers in CALLS.items() if numbers[COLUMN] is not None}

SECCOMP = 317 if COLUMN == 0 else 277
SET_MODE_FILTER, NEW_LISTENER, WAIT_KILLABLE = 1, 1 << 3, 1 << 5
RET_ALLOW, RET_USER_NOTIF = 0x7FFF0000, 0x7FC00000
PR_SET_NO_NEW_PRIVS = 38
RECEIVE, SEND = 0xC0502100, 0xC0182101
CONTINUE = 1
SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2
ALIVE_SECONDS = 30
PATH_BYTES, PAGE_BYTES = 4096, 4096

libc = ctypes.CDLL(None, use_errno=True)


def program():
    """BPF: notify of the calls in NAMES; of open and openat only when they make or cut a file."""
    load, equal, any_bit, answer = 0x20, 0x15, 0x45, 0x06
    code = [(load, 0, 0, 4), (equal, 1, 0, AUDIT_ARCH), (answer, 0, 0, RET_ALLOW), (load, 0, 0, 0)]
    for number, name in NAMES.items():
        if name in OPENS:
            flags = 16 + 8 * OPENS[name]
            code += [(equal, 0, 4, number), (load, 0, 0, flags), (any_bit, 1, 0, MAKES),
                     (answer, 0, 0, RET_ALLOW), (answer, 0, 0, RET_USER_NOTIF)]
        else:
            code += [(equal, 0, 1, number), (answer, 0, 0, RET_USER_NOTIF)]
    return code + [(answer, 0, 0, RET_ALLOW)]


class Fprog(ctypes.Structure):
    _fields_ = [('length', ctypes.c_ushort), ('filter', ctypes.c_void_p)]


def listen():
    """Filters the calling thread and what it starts; answers the descriptor that notifications come from."""
    code = b''.join(struct.pack('HBBI', *step) for step in program())
    memory = ctypes.create_string_buffer(code)
    fprog = Fprog(len(code) // 8, ctypes.addressof(memory))
    if os.geteuid() != 0:
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    listener = libc.syscall(SECCOMP, SET_MODE_FILTER, NEW_LISTENER | WAIT_KILLABLE, ctypes.byref(fprog))
    if listener < 0:
        raise OSError(ctypes.get_errno(), 'seccomp')
    return listener


class Child:
    """PROGRAM, started by a thread that has the filter; this one hasn't, or it would wait for itself."""

    def __init__(self, words):
        self.words, self.ready, self.started = words, threading.Event(), threading.Event()
        threading.Thread(target=self.start, daemon=True).start()
        self.ready.wait()

    def start(self):
        self.listener = listen()
        self.ready.set()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.execvp(self.words[0], self.words)
            finally:
                os._exit(127)
        self.started.set()


class Call:
    def __init__(self, notification):
        self.id, self.thread, _, number, _, _, *self.args = struct.unpack('QIIiIQ6Q', notification)
        self.name = NAMES[number]

    def process(self):
        with open(f'/proc/{self.thread}/status') as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith('Tgid:'))

    def counts(self):
        """Pipes, sockets and devices are nobody's store."""
        if self.name in ON_DESCRIPTOR:
            try:
                mode = os.stat(self.descriptor(ON_DESCRIPTOR[self.name])).st_mode
            except OSError:
                return False
            return stat.S_ISREG(mode) or stat.S_ISDIR(mode)
        if self.name == 'openat2' and not struct.unpack('Q', self.memory(self.args[2], 8))[0] & MAKES:
            return False
        return not self.path().startswith(('/dev/', '/proc/'))

    def path(self):
        try:
            if self.name in ON_DESCRIPTOR:
                return os.readlink(self.descriptor(ON_DESCRIPTOR[self.name]))
            at = PATH_ARGUMENT.get(self.name)
            if at is None:
                return ''
            path = os.fsdecode(self.memory(self.args[at], PATH_BYTES).split(b'\0')[0])
            directory = ctypes.c_int(self.args[at - 1] & 0xFFFFFFFF).value if at > 0 else -1
            if path.startswith('/') or not self.name.rstrip('2').endswith('at') or directory < 0:
                return path
            return os.path.join(os.readlink(self.descriptor(at - 1)), path)
        except OSError:
            return ''

    def descriptor(self, argument):
        return f'/proc/{self.thread}/fd/{self.args[argument] & 0xFFFFFFFF}'

    def memory(self, address, length):
        """What of it can be read: the page behind a string may not be there."""
        with open(f'/proc/{self.thread}/mem', 'rb', buffering=0) as memory:
            memory.seek(address)
            read = memory.read(min(length, PAGE_BYTES - address % PAGE_BYTES))
            return read if b'\0' in read or len(read) == length else read + memory.read(length - len(read))


class Supervisor:
    def __init__(self, options):
        self.at, self.what, self.mount, self.on = options.at, options.do, options.mount, options.on
        self.report = {'calls': 0, 'child_calls': 0}
        self.done = False

    def run(self, words):
        child = Child(words)
        poll = select.poll()
        poll.register(child.listener, select.POLLIN)
        ended_at = None
        while True:
            ready = poll.poll(50)
            if ready and ready[0][1] & select.POLLIN:
                self.answer(child)
            elif ready:
                break  # nobody is left
            if ended_at is None and child.started.is_set() and self.ended(child, os.WNOHANG):
                ended_at = time.monotonic()
            if ended_at is not None and time.monotonic() - ended_at > ALIVE_SECONDS:
                self.report['alive'] = True
                break
        if ended_at is None:
            self.ended(child, 0)
        if self.what == 'shutdown' and not self.done:
            shut_down(self.mount)
        return self.report

    def ended(self, child, flags):
        pid, status = os.waitpid(child.pid, flags)
        if pid == 0:
            return False
        if os.WIFSIGNALED(status):
            self.report['signal'] = os.WTERMSIG(status)
        else:
            self.report['status'] = os.WEXITSTATUS(status)
        return True

    def answer(self, child):
        notification = bytearray(80)
        try:
            fcntl.ioctl(child.listener, RECEIVE, notification)
            call = Call(bytes(notification))
            error = self.judge(call, child) if call.counts() else 0
            reply = struct.pack('QqiI', call.id, 0, -error, 0 if error else CONTINUE)
            fcntl.ioctl(child.listener, SEND, reply)
        except (FileNotFoundError, ProcessLookupError):
            pass  # it was killed meanwhile
        except OSError as problem:
            if problem.errno not in (errno.ENOENT, errno.ESRCH):
                raise

    def judge(self, call, child):
        """The error that the call is to fail with; 0 lets it be done."""
        self.report['calls'] += 1
        of_child = call.process() != child.pid
        self.report['child_calls'] += of_child
        number = self.report['child_calls' if self.what == 'kill-child' else 'calls']
        if number < self.at or self.at == 0:
            return 0
        if not self.fits(call, of_child) or (self.done and not self.on):
            return 0
        if not self.done:
            self.report.update(name=call.name, path=call.path(), at=number)
        first, self.done = not self.done, True
        if self.what not in ACTIONS:
            return getattr(errno, self.what)
        if first and self.what == 'shutdown':
            shut_down(self.mount)
        if first:
            os.kill(call.process() if self.what == 'kill-child' else child.pid, signal.SIGKILL)
        return 0

    def fits(self, call, of_child):
        if self.what == 'kill-child':
            return of_child
        return self.what in ACTIONS or call.name in CAN_FAIL[self.what]


def shut_down(mount):
    directory = os.open(mount, os.O_RDONLY)
    fcntl.ioctl(directory, SHUTDOWN, struct.pack('I', NO_LOG_FLUSH))
    os.close(directory)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--at', type=int, default=0)
    parser.add_argument('--do', choices=[*ACTIONS, *CAN_FAIL], default='kill')
    parser.add_argument('--mount')
    parser.add_argument('--on', action='store_true')
    parser.add_argument('--report', required=True)
    parser.add_argument('words', nargs='+')
    options = parser.parse_args()
    report = Supervisor(options).run(options.words)
    with open(options.report, 'w') as file:
        json.dump(report, file)


main()
