"""Tries things that a sandbox should stop, each in a process of its own, and prints a line for each."""
import ctypes
import errno
import json
import os
import signal
import sys

T = json.load(open(os.environ.get("TARGETS", "targets.json")))
CONTROL = T["control"]
CANARY = T["canary"]
C = ctypes.CDLL(None, use_errno=True)
SECONDS = 4


def system_call(number, *arguments):
    """The answer of a system call; raises what it fails with."""
    ctypes.set_errno(0)
    arguments = [ctypes.c_long(it) if isinstance(it, int) else it for it in arguments]
    answer = C.syscall(ctypes.c_long(number), *arguments)
    if answer == -1:
        failed = ctypes.get_errno()
        raise OSError(failed, os.strerror(failed))
    return answer


def reaches_kernel(number, *arguments):
    """Says so if a call passes the filter, whatever the kernel makes of its arguments."""
    try:
        return f"answered {system_call(number, *arguments)}"
    except OSError as error:
        if error.errno in (errno.EPERM, errno.ENOSYS, errno.EACCES):
            raise
        return f"reached the kernel: {error.strerror}"


def attempt(name, action, harmful=False):
    """Tries it, and prints `NAME: blocked WHY` or `NAME: ESCAPED DETAIL`."""
    if CONTROL and harmful:
        print(f"{name}: untried", flush=True)
        return
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        signal.alarm(SECONDS)
        try:
            found = action()
            said = f"ESCAPED {found}" if found else "blocked nothing came of it"
        except OSError as error:
            said = f"blocked {errno.errorcode.get(error.errno, error)}"
        except BaseException as error:  # noqa: BLE001
            said = f"blocked {type(error).__name__} {error}"
        os.write(writing, said.replace("\n", " ")[:300].encode())
        os._exit(0)
    os.close(writing)
    said = b""
    while part := os.read(reading, 4096):
        said += part
    os.close(reading)
    _, status = os.waitpid(child, 0)
    if not said:
        said = f"blocked it ended with status {status}".encode()
    print(f"{name}: {said.decode()}", flush=True)


def shell(command, **more):
    """The output of a command, its errors included; raises when it takes too long."""
    import subprocess

    done = subprocess.run(
        ["/bin/bash", "-c", command], capture_output=True, timeout=SECONDS, stdin=subprocess.DEVNULL, **more
    )
    return (done.stdout + done.stderr).decode(errors="replace")


def holds_canary(text):
    """The canary, if a text or some bytes hold it."""
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    return CANARY if CANARY in text else None


def read(path):
    with open(path, "rb", buffering=0) as file:
        return file.read(1 << 20)


def call_number(name):
    """The number of a system call, from the headers' names; x86-64 and the rest have their own tables."""
    return CALLS[name][0 if os.uname().machine == "x86_64" else 1]


# Name: number on x86-64, number on aarch64.
CALLS = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "kcmp": (312, 272), "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "move_mount": (429, 429), "open_tree": (428, 428),
    "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "open_tree_attr": (467, 467), "unshare": (272, 97), "setns": (308, 268),
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264), "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263), "quotactl": (179, 60), "quotactl_fd": (443, 443), "acct": (163, 89),
    "swapon": (167, 224), "swapoff": (168, 225), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "reboot": (169, 142), "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "syslog": (103, 116), "vhangup": (153, 58), "add_key": (248, 217), "request_key": (249, 218),
    "keyctl": (250, 219), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "clock_adjtime": (305, 266), "adjtimex": (159, 171), "sethostname": (170, 161),
    "setdomainname": (171, 162), "clone": (56, 220), "clone3": (435, 435), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "openat2": (437, 437),
    "memfd_secret": (447, 447), "personality": (135, 92), "shmget": (29, 194), "shmat": (30, 196),
    "shmctl": (31, 195), "msgget": (68, 186), "msgrcv": (70, 188), "semget": (64, 190),
    "semctl": (66, 191), "mq_open": (240, 180), "mq_unlink": (241, 181), "prlimit64": (302, 261),
    "sched_setaffinity": (203, 122), "sched_setattr": (314, 274), "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119), "setpriority": (141, 140), "ioprio_set": (251, 30),
    "migrate_pages": (256, 238), "move_pages": (279, 239), "tgkill": (234, 131), "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "fchmodat2": (452, 452),
    "truncate": (76, 45), "memfd_create": (319, 279), "get_robust_list": (274, 100),
    "inotify_init1": (294, 26), "inotify_add_watch": (254, 27), "fallocate": (285, 47),
    "process_mrelease": (448, 448), "iopl": (172, None), "ioperm": (173, None),
    "modify_ldt": (154, None), "uselib": (134, None), "seccomp": (317, 277),
}
