from attempt import *  # noqa: F403

import fcntl
import struct
import termios

# Arguments that no kernel accepts, so that a call which comes through does nothing.
for name, arguments in {
    "mount": (0, 0, 0, 0, 0), "umount2": (0, -1), "pivot_root": (0, 0), "chroot": (0,), "move_mount": (-1, 0, -1, 0, -1),
    "open_tree": (-1, 0, -1), "fsopen": (0, 0), "fsconfig": (-1, 99, 0, 0, 0), "fsmount": (-1, -1, 0), "fspick": (-1, 0, -1),
    "mount_setattr": (-1, 0, -1, 0, 0), "setns": (-1, 0), "unshare": (-1,),
    "open_by_handle_at": (-1, 0, 0), "name_to_handle_at": (-1, 0, 0, 0, -1), "fanotify_init": (-1, 0), "fanotify_mark": (-1, 0, 0, -1, 0),
    "quotactl": (-1, 0, 0, 0), "quotactl_fd": (-1, 0, 0, 0), "acct": (1,), "swapon": (0, -1), "swapoff": (0,),
    "init_module": (0, 0, 0), "finit_module": (-1, 0, -1), "delete_module": (0, 0), "kexec_load": (0, -1, 0, -1),
    "kexec_file_load": (-1, -1, 0, 0, -1), "reboot": (0, 0, 0, 0), "bpf": (-1, 0, 0), "perf_event_open": (0, 0, 0, 0, 0),
    "userfaultfd": (-1,), "syslog": (-1, 0, 0), "add_key": (0, 0, 0, 0, 0), "request_key": (0, 0, 0, 0), "keyctl": (0, -3, 0),
    "settimeofday": (1, 1), "clock_settime": (-1, 0), "clock_adjtime": (-1, 0), "adjtimex": (0,), "sethostname": (0, -1),
    "setdomainname": (0, -1), "clone3": (0, 0), "io_uring_setup": (0, 0), "io_uring_enter": (-1, 0, 0, 0, 0), "io_uring_register": (-1, -1, 0, 0),
    "memfd_secret": (-1,), "iopl": (9,), "ioperm": (-1, -1, 0), "modify_ldt": (1, 0, 0),
}.items():
    number = call_number(name)
    if number is not None:
        attempt(f"call {name}", lambda: reaches_kernel(number, *arguments))

NAMESPACES = {"mounts": 0x20000, "a cgroup": 0x2000000, "names": 0x4000000, "messages": 0x8000000, "users": 0x10000000, "processes": 0x20000000, "a network": 0x40000000, "time": 0x80}
for what, flag in NAMESPACES.items():
    attempt(f"unshare {what}", lambda: f"answered {system_call(call_number('unshare'), flag)}")
    if flag != 0x80:

        def clone():
            child = system_call(call_number("clone"), flag | signal.SIGCHLD, 0, 0, 0, 0)
            if child == 0:
                os._exit(0)
            return f"made {child}"

        attempt(f"clone with {what} of its own", clone)
for what in ("mnt", "user", "net", "pid", "ipc", "uts", "cgroup"):
    attempt(f"enter the first {what} namespace", lambda: system_call(call_number("setns"), os.open("/proc/1/ns/" + what, os.O_RDONLY), 0) or "entered", harmful=True)


def cloned_anew():
    arguments = (ctypes.c_uint64 * 8)(0x10000000, 0, 0, 0, signal.SIGCHLD)
    child = system_call(call_number("clone3"), arguments, 64)
    if child == 0:
        os._exit(0)
    return f"made {child}"


attempt("clone3 with users of its own", cloned_anew)
attempt("unshare by its program", lambda: shell("unshare -Ur true && echo made").strip() == "made" and "made")
attempt("mount by its program", lambda: shell("unshare -Urm mount -t tmpfs x /mnt && echo made").strip() == "made" and "made")
attempt("mount in place", lambda: shell("mount --bind . . && echo made && umount .").strip() == "made" and "made")
attempt("chroot by perl", lambda: shell("perl -e 'print chroot(\".\") ? \"made\" : $!'").strip() == "made" and "made")

if os.uname().machine == "x86_64":
    X32 = 0x40000000
    # getpid, open and socket by the other numbers.
    attempt("x32 getpid", lambda: f"answered {system_call(X32 + 39)}")
    attempt("x32 ptrace", lambda: reaches_kernel(X32 + 521, 0, 0, 0, 0))
    attempt("x32 mount", lambda: reaches_kernel(X32 + 165, 0, 0, 0, 0, 0))
    attempt("x32 unshare", lambda: reaches_kernel(X32 + 272, 0x10000000))
    for name in ("getpid", "ptrace", "unshare", "mount", "socket", "keyctl"):
        attempt(f"32-bit {name}", lambda: "came through" if f"32-bit {name} came through" in shell(f"./calls {name}") else None)
    attempt("a 32-bit code segment", lambda: reaches_kernel(call_number("modify_ldt"), 1, (ctypes.c_uint * 4)(0, 0, 0xFFFFF, 0x51), 16))

for what, persona in {"executable reads": 0x0400000, "a page at zero": 0x0100000, "the old layout": 0x0200000, "short addresses": 0x8000000}.items():
    attempt(f"a personality with {what}", lambda: f"answered {system_call(call_number('personality'), persona)}")


def typed(request, value):
    def act():
        master, slave = os.openpty()
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        fcntl.ioctl(slave, request, value)
        return "typed"

    return act


attempt("type into a terminal", typed(termios.TIOCSTI, b"x"))
attempt("type into a terminal past 32 bits", lambda: reaches_kernel(16 if os.uname().machine == "x86_64" else 29, 0, 0x100000000 | termios.TIOCSTI, 0))
attempt("select on a console", lambda: reaches_kernel(16 if os.uname().machine == "x86_64" else 29, 0, 0x541C, 0))
attempt("reserve room unseen", lambda: (file := os.open("reserved", os.O_RDWR | os.O_CREAT), f"answered {system_call(call_number('fallocate'), file, 0, 0, 4096)}")[1])


def named():
    handle = ctypes.create_string_buffer(struct.pack("Ii", 128, 0), 136)
    mounted = ctypes.c_int()
    system_call(call_number("name_to_handle_at"), -100, ctypes.c_char_p(b"."), handle, ctypes.byref(mounted), 0)
    return "named"


attempt("a handle of a file", named)
attempt("a ring of requests", lambda: f"answered {system_call(call_number('io_uring_setup'), 4, ctypes.create_string_buffer(256))}")
attempt("faults in user space", lambda: f"answered {system_call(call_number('userfaultfd'), 0)}")
attempt("a map of the kernel's programs", lambda: f"answered {system_call(call_number('bpf'), 0, (ctypes.c_uint * 32)(2, 4, 4, 1), 128)}")
attempt("a watch over all files", lambda: f"answered {system_call(call_number('fanotify_init'), 0, 0)}")
