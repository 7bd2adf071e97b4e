from attempt import *  # noqa: F403

O = T["outside"]
H = T["home"]
V = T["victim"]
S = T["server"]


def reads(path):
    """The canary, or whatever else the system's own files hold."""
    return lambda: holds_canary(read(path)) or (path.startswith("/etc/") and read(path) and "read") or None


for name, path in T["files"].items():
    attempt(f"read {name}", reads(path))

# Other programs that open files.
secret = f"{O}/secret"
for name, command in {
    "cat": "cat {}", "bash redirection": 'echo "$(< {})"', "bash mapfile": "mapfile -t x < {}; echo $x",
    "bash source": "source {}", "dd": "dd if={} status=none", "head": "head -c 999 {}",
    "awk": "awk 1 {}", "sed": "sed p {}", "grep": "grep -r . {}", "perl": "perl -pe1 {}",
    "perl do": "perl -e 'open F, \"<\", \"{}\" or die $!; print <F>'", "cp": "cp {} copy.$$ && cat copy.$$",
    "cp link": "cp --reflink=auto {} copy2.$$ && cat copy2.$$", "tar": "tar cO {}", "xxd": "od -c {} | tr -d ' \\n' | sed s/^.......//",
    "gcc include": "echo '#include \"{}\"' | gcc -E -x c -", "assembler": "echo '.incbin \"{}\"' | as -o inc.o - && cat inc.o",
    "linker": "ld -r -b binary -o bin.o {} && cat bin.o", "git": "git diff --no-index /dev/null {}",
    "git config": "git config -f {} -l", "curl": "curl -s file://{}", "sort": "sort {}", "diff": "diff /dev/null {}",
    "base64": "base64 {} | base64 -d", "env": "env -S 'cat {}'", "xargs": "echo {} | xargs cat",
    "make": "printf '$(info $(file <{}))\\nall:;\\n' | make -sf -", "wc": "wc --files0-from={}",
}.items():
    attempt(f"read by {name}", lambda: holds_canary(shell(command.replace("{}", secret))))

# Links and other names.


def through_link():
    os.symlink(secret, f"link.{os.getpid()}")
    return holds_canary(read(f"link.{os.getpid()}"))


def through_folder_link():
    os.symlink(O, f"folder.{os.getpid()}")
    return holds_canary(read(f"folder.{os.getpid()}/secret"))


def through_link_chain():
    own = os.getpid()
    os.symlink(f"chain2.{own}", f"chain1.{own}")
    os.symlink(f"../../../../../../../../..{secret}", f"chain2.{own}")
    return holds_canary(read(f"chain1.{own}"))


def hard_link():
    os.link(secret, f"hard.{os.getpid()}")
    return holds_canary(read(f"hard.{os.getpid()}"))


def hard_link_of_link():
    os.link(f"{H}/.ssh/id_ed25519", f"hard2.{os.getpid()}", follow_symlinks=True)
    return holds_canary(read(f"hard2.{os.getpid()}"))


def rename_here():
    os.rename(f"{O}/movable", f"moved.{os.getpid()}")
    return holds_canary(read(f"moved.{os.getpid()}"))


def exchange_here():
    here = f"exchange.{os.getpid()}"
    open(here, "w").close()
    if C.renameat2(-100, f"{O}/movable".encode(), -100, here.encode(), 2):
        raise OSError(ctypes.get_errno(), "renameat2")
    return holds_canary(read(here))


def with_descriptor(flags, then):
    def act():
        folder = os.open(O, flags)
        return then(folder)

    return act


def from_descriptor(folder):
    return holds_canary(os.read(os.open("secret", os.O_RDONLY, dir_fd=folder), 999))


def by_climbing():
    folder = os.open(".", os.O_RDONLY)
    for _ in range(40):
        folder = os.open("..", os.O_PATH, dir_fd=folder)
    return holds_canary(os.read(os.open(secret[1:], os.O_RDONLY, dir_fd=folder), 999))


def by_directory():
    os.chdir(O)
    return holds_canary(read("secret"))


def race(first, second, name):
    """Swaps a link between an allowed file and the secret while it is opened."""

    def act():
        own = f"{name}.{os.getpid()}"
        open(own + ".good", "w").close()
        if os.fork() == 0:
            for turn in range(1200):
                os.symlink(first(own) if turn % 2 else second, own + ".new")
                os.rename(own + ".new", own)
            os._exit(0)
        for _ in range(1200):
            try:
                if holds_canary(read(own)):
                    return CANARY
            except OSError:
                pass
        return None

    return act


def raced_folder():
    own = f"swap.{os.getpid()}"
    os.mkdir(own)
    open(f"{own}/secret", "w").close()
    os.symlink(O, own + ".out")
    if os.fork() == 0:
        for _ in range(1200):
            C.renameat2(-100, own.encode(), -100, (own + ".out").encode(), 2)
        os._exit(0)
    for _ in range(1200):
        try:
            if holds_canary(read(f"{own}/secret")):
                return CANARY
        except OSError:
            pass
    return None


def inherited():
    for number in range(3, 1024):
        try:
            os.fstat(number)
        except OSError:
            continue
        try:
            opened = os.open(secret[1:], os.O_RDONLY, dir_fd=number)
            return holds_canary(os.read(opened, 999))
        except OSError:
            pass
        try:
            opened = os.open("../../../../../.." + secret, os.O_RDONLY, dir_fd=number)
            return holds_canary(os.read(opened, 999))
        except OSError:
            pass
    # The pipe of this attempt and the script itself are no inheritance.
    return None


attempt("read through a link", through_link)
attempt("read through a linked folder", through_folder_link)
attempt("read through a chain of links", through_link_chain)
attempt("read through a hard link", hard_link)
attempt("read a key through a hard link", hard_link_of_link)
attempt("read after renaming it here", rename_here, harmful=True)
attempt("read after exchanging it", exchange_here, harmful=True)
attempt("openat from a folder", with_descriptor(os.O_RDONLY, from_descriptor))
attempt("openat from a path descriptor", with_descriptor(os.O_PATH, from_descriptor))
attempt("openat by climbing", by_climbing)
attempt("read after entering the folder", by_directory)
attempt("race of a link", race(lambda own: own + ".good", secret, "race"))
attempt("race of a folder", raced_folder)
attempt("openat from inherited descriptors", inherited)
attempt("read through /proc/self/root", reads(f"/proc/self/root{secret}"))
attempt("read through /proc/self/cwd", reads(f"/proc/self/cwd/../../../../../../../..{secret}"))
attempt("read through /proc/thread-self/root", reads(f"/proc/thread-self/root{secret}"))
attempt("read through the parent's root", lambda: holds_canary(read(f"/proc/{os.getppid()}/root{secret}")))
attempt("read through /proc/1/root", reads(f"/proc/1/root{secret}"))
attempt("read through /proc/1/cwd", lambda: holds_canary(read(f"/proc/1/cwd{secret}")) or os.listdir("/proc/1/cwd") and CONTROL)
attempt("mmap of a file", lambda: holds_canary(__import__("mmap").mmap(os.open(secret, os.O_RDONLY), 0, access=1)[:]))
attempt("sendfile of a file", lambda: os.sendfile(os.memfd_create("x"), os.open(secret, os.O_RDONLY), 0, 99))
attempt("copy_file_range of a file", lambda: os.copy_file_range(os.open(secret, os.O_RDONLY), os.open("range", os.O_RDWR | os.O_CREAT), 99))
attempt("execute a file outside", lambda: holds_canary(shell(f"{O}/program")))
attempt("load a library from outside", lambda: ctypes.CDLL(f"{O}/library.so") and "loaded")
attempt("interpret a script outside", lambda: holds_canary(shell(f"/bin/sh {O}/program")))

# Folders and devices.
for name, path in {
    "the folder outside": O, "the home folder": H, "the keys' folder": f"{H}/.ssh", "root's folder": "/root",
    "the data folder": T["data"], "another workspace": T["other"],
    "the machine's state": "/run", "kernel debugging": "/sys/kernel", "block devices": "/sys/block",
}.items():
    attempt(f"list {name}", lambda: os.listdir(path) and "listed")
attempt("list all temporary files", lambda: T["temporary_file"] in os.listdir(T["temporary"]) and "listed")
for name, path in {
    "the memory": "/dev/mem", "the kernel log": "/dev/kmsg", "the disk": T["disk"], "the first loop": "/dev/loop-control",
    "virtual machines": "/dev/kvm", "FUSE": "/dev/fuse", "faults": "/dev/userfaultfd", "a terminal": "/dev/tty0",
    "the console": "/dev/console", "tunnels": "/dev/net/tun", "input": "/dev/input/event0", "graphics": "/dev/fb0",
}.items():
    attempt(f"open {name}", lambda: os.open(path, os.O_RDONLY | os.O_NONBLOCK) and "opened")
    attempt(f"open {name} for ioctl", lambda: os.open(path, os.O_ACCMODE | os.O_NONBLOCK) and "opened")

def quiet(path):
    try:
        return read(path).decode(errors="replace")
    except OSError:
        return ""


# Other processes' memory and files, and the kernel's.
for whose, pid in (("another program", V), ("the server", S)):
    for what in ("environ", "cmdline", "maps", "status", "stack", "auxv", "io", "syscall", "smaps", "limits", "cgroup", "mountinfo", "net/tcp", "fdinfo/0"):
        attempt(f"{whose}'s {what}", lambda: os.read(os.open(f"/proc/{pid}/{what}", os.O_RDONLY), 64) is not None and f"/proc/{pid}/{what}")
    attempt(f"{whose}'s mem", lambda: os.open(f"/proc/{pid}/mem", os.O_RDONLY) and "opened")
    for what in ("fd", "task", "map_files", "ns"):
        attempt(f"{whose}'s {what}", lambda: os.listdir(f"/proc/{pid}/{what}") and "listed")
    for what in ("cwd", "exe", "root", "ns/mnt"):
        attempt(f"the name of {whose}'s {what}", lambda: os.readlink(f"/proc/{pid}/{what}"))
attempt("another program's open file", reads(f"/proc/{V}/fd/{T['fd']}"))
attempt("another program's root", reads(f"/proc/{V}/root{secret}"))


def memory_of_victim():
    memory = os.open(f"/proc/{V}/mem", os.O_RDONLY)
    return holds_canary(os.pread(memory, 64, T["secret_address"]))


attempt("another program's memory", memory_of_victim)
attempt("any environment with the canary", lambda: next((CANARY for pid in os.listdir("/proc") if pid.isdigit() and CANARY in quiet(f"/proc/{pid}/environ")), None))
for path in ("/proc/kcore", "/proc/kmsg", "/proc/sysrq-trigger", "/proc/keys", "/proc/timer_list"):
    attempt(f"read {path}", lambda: os.read(os.open(path, os.O_RDONLY | os.O_NONBLOCK), 1) and "read", harmful=path == "/proc/sysrq-trigger")
attempt("shared memory by its name", reads(f"/dev/shm{T['mq']}"))

# Facts about a name alone.
attempt("stat of a file outside", lambda: os.stat(secret).st_size)
attempt("access to a file outside", lambda: os.access(secret, os.F_OK))


def watched():
    watching = system_call(call_number("inotify_init1"), 0)
    return f"watch {system_call(call_number('inotify_add_watch'), watching, ctypes.c_char_p(O.encode()), 0xFFF)}"


attempt("inotify of a folder outside", watched)
