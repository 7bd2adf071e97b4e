from attempt import *  # noqa: F403

import fcntl
import socket
import struct
import time

V = T["victim"]
S = T["server"]
QUEUED = signal.SIGRTMIN + 3


def calls(name, *arguments):
    return lambda: f"answered {system_call(call_number(name), *arguments)}"


# Signals. Zero asks whether one could be sent, and the victim notes the others.
for whose, pid in (("another program", V), ("the server", S)):
    attempt(f"kill {whose}", lambda: os.kill(pid, 0) or "may")
    attempt(f"kill {whose} by its threads", calls("tgkill", pid, pid, 0))
    attempt(f"kill {whose} by a thread", calls("tkill", pid, 0))
    attempt(f"kill the group of {whose}", lambda: os.killpg(os.getpgid(pid), 0) or "may")
    attempt(f"signal {whose} through a descriptor", lambda: f"answered {system_call(call_number('pidfd_send_signal'), system_call(call_number('pidfd_open'), pid, 0), 0, 0, 0)}")
    attempt(f"signal {whose} by bash", lambda: "may" if shell(f"kill -0 {pid} && echo may").strip() == "may" else None)
    attempt(f"kill {whose} by perl", lambda: "may" if shell(f"perl -e 'print kill(0, {pid})'").strip() == "1" else None)
attempt("a real signal", lambda: os.kill(V, signal.SIGUSR1) or "sent")


def queued(name, *more):
    def act():
        information = ctypes.create_string_buffer(128)
        struct.pack_into("iii", information, 0, QUEUED, 0, -1)
        return f"answered {system_call(call_number(name), V, *more, QUEUED, information)}"

    return act


attempt("a queued signal", queued("rt_sigqueueinfo"))
attempt("a queued signal to a thread", queued("rt_tgsigqueueinfo", V))


def owned(request):
    """Lets the kernel send a signal to whom a descriptor is said to belong."""

    def act():
        one, other = socket.socketpair()
        if request == "ioctl":
            fcntl.ioctl(one, 0x8901, struct.pack("i", V))
        elif request == "extended":
            fcntl.fcntl(one, 15, struct.pack("ii", 1, V))
        else:
            fcntl.fcntl(one, fcntl.F_SETOWN, V)
        fcntl.fcntl(one, 10, QUEUED)
        fcntl.fcntl(one, fcntl.F_SETFL, os.O_ASYNC)
        before = count()
        other.send(b"x")
        for _ in range(20):
            if count() > before:
                return "it was told"
            time.sleep(0.01)
        return None

    return act


def count():
    """The number of signals that the victim noted; 0 where that cannot be read."""
    try:
        return len(read(f"{T['outside']}/reached").splitlines())
    except OSError:
        return 0


attempt("a signal by F_SETOWN", owned("own"))
attempt("a signal by F_SETOWN_EX", owned("extended"))
attempt("a signal by FIOSETOWN", owned("ioctl"))

# Their memory, descriptors and settings.
attempt("attach to another program", calls("ptrace", 16, V, 0, 0))
attempt("seize another program", calls("ptrace", 0x4206, V, 0, 0))
attempt("attach to the server", calls("ptrace", 0x4206, S, 0, 0))
attempt("trace a child", lambda: reaches_kernel(call_number("ptrace"), 0, 0, 0, 0))


def remote(name):
    def act():
        here = ctypes.create_string_buffer(64)
        local = (ctypes.c_void_p * 2)(ctypes.addressof(here), 64)
        there = (ctypes.c_void_p * 2)(T["secret_address"], 64)
        system_call(call_number(name), V, local, 1, there, 1, 0)
        return holds_canary(here.raw) if name.endswith("readv") else "written"

    return act


attempt("read another program's memory", remote("process_vm_readv"))
attempt("write another program's memory", remote("process_vm_writev"), harmful=True)
attempt("advise on another program's memory", lambda: reaches_kernel(call_number("process_madvise"), -1, 0, 0, 20, 0))
attempt("compare another program", calls("kcmp", os.getpid(), V, 1, 0, 0))
attempt("take another program's file", lambda: holds_canary(os.pread(system_call(call_number("pidfd_getfd"), system_call(call_number("pidfd_open"), V, 0), T["fd"], 0), 99, 0)))
attempt("read another program's limits", lambda: f"answered {system_call(call_number('prlimit64'), V, 7, 0, (ctypes.c_ulong * 2)())}")
attempt("set another program's limits", lambda: (limits := (ctypes.c_ulong * 2)(), system_call(call_number("prlimit64"), os.getpid(), 4, 0, limits), f"answered {system_call(call_number('prlimit64'), V, 4, limits, 0)}")[2])
attempt("pin another program", lambda: f"answered {system_call(call_number('sched_setaffinity'), V, 8, (ctypes.c_ulong * 1)(3))}")
attempt("slow another program down", calls("setpriority", 0, V, 0))
# Among processes of its own it may; the victim's rank is looked at afterwards.
attempt("slow the user down", lambda: calls("setpriority", 2, 0, 5)() and T["tier"] != "full" and "slowed", harmful=True)
attempt("slow another program's disk down", calls("ioprio_set", 1, V, (2 << 13) | 4))
attempt("reschedule another program", lambda: f"answered {system_call(call_number('sched_setscheduler'), V, 0, (ctypes.c_int * 1)(0))}")
attempt("reschedule another program by attributes", lambda: f"answered {system_call(call_number('sched_setattr'), V, (ctypes.c_uint * 12)(48), 0)}")
attempt("move another program's memory", lambda: f"answered {system_call(call_number('migrate_pages'), V, 1, (ctypes.c_ulong * 1)(1), (ctypes.c_ulong * 1)(1))}")
attempt("look at another program's pages", lambda: f"answered {system_call(call_number('move_pages'), V, 0, 0, 0, 0, 0)}")
attempt("another program's robust list", lambda: f"answered {system_call(call_number('get_robust_list'), V, (ctypes.c_ulong * 1)(), (ctypes.c_ulong * 1)())}")
attempt("reap another program's memory", lambda: reaches_kernel(call_number("process_mrelease"), system_call(call_number("pidfd_open"), V, 0), 1), harmful=True)
attempt("measure another program", lambda: f"answered {system_call(call_number('perf_event_open'), (ctypes.c_uint * 32)(1, 128, 1), V, -1, -1, 0)}")
attempt("strace another program", lambda: "attached" if "attached" in shell(f"timeout 1 strace -p {V} 2>&1") else None)
attempt("enter another program", lambda: holds_canary(shell(f"nsenter -t {V} -m cat {T['outside']}/secret")))
attempt("enter the server", lambda: shell(f"nsenter -t {S} -a true && echo entered").strip() == "entered" and "entered")

# Objects that are shared by name or number.
C.shmat.restype = ctypes.c_void_p


def shared(number):
    address = C.shmat(number, None, 0)
    if address in (None, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), "shmat")
    return holds_canary(ctypes.string_at(address, 64))


def received():
    message = ctypes.create_string_buffer(128)
    # Copies the first message without taking it, or takes it where the kernel cannot.
    system_call(call_number("msgrcv"), T["msg"], message, 120, 0, 0o4000)
    return holds_canary(message.raw)


def posix_queue():
    name = ctypes.c_char_p(T["mq"][1:].encode())
    return f"answered {system_call(call_number('mq_open'), name, os.O_RDWR, 0, 0)}"


attempt("shared memory by its number", lambda: shared(T["shm"]))
attempt("shared memory by its key", lambda: shared(system_call(call_number("shmget"), T["shm_key"], 0, 0)))
attempt("a semaphore by its number", calls("semctl", T["sem"], 0, 12, 0))
attempt("a semaphore by its key", calls("semget", T["shm_key"], 0, 0))
attempt("a message by its number", received, harmful=True)
attempt("a queue by its key", calls("msgget", T["shm_key"], 0))
attempt("a queue by its name", posix_queue)
attempt("all shared memory", lambda: str(T["shm"]) in shell("ipcs -m") and "listed")
attempt("a key of the session", lambda: reaches_kernel(call_number("keyctl"), 0, -3, 0))
attempt("make a key", lambda: f"answered {system_call(call_number('add_key'), ctypes.c_char_p(b'user'), ctypes.c_char_p(b'navi'), ctypes.c_char_p(b'x'), 1, -2)}")
attempt("ask for a key", lambda: reaches_kernel(call_number("request_key"), 0, 0, 0, 0))


def preloaded():
    """A library that everything the user starts would load."""
    with open("/etc/ld.so.preload", "a"):
        return "opened"


attempt("preload into other programs", preloaded, harmful=True)


def core():
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (-1, -1))
    return "unlimited"


attempt("core dumps", core)
attempt("more processes than allowed", lambda: __import__("resource").setrlimit(6, (-1, -1)) or "unlimited")
attempt("larger files than allowed", lambda: __import__("resource").setrlimit(1, (-1, -1)) or "unlimited")
attempt("become another user", lambda: os.setuid(12345) or "became")
attempt("become another group", lambda: os.setgroups([6]) or "became")
attempt("gain a capability", lambda: C.prctl(47, 2, 21, 0, 0) == 0 and "raised", harmful=True)
attempt("drop the filter", lambda: C.prctl(39, 0, 0, 0, 0) == 0 and "may gain privileges")
