from attempt import *  # noqa: F403

import stat

O = T["outside"]
H = T["home"]
target = f"{O}/target"


def writes(path, flags=os.O_WRONLY | os.O_CREAT):
    def act():
        opened = os.open(path, flags | os.O_NONBLOCK, 0o600)
        os.write(opened, b"# was here\n")
        return "written"

    return act


def does(function, *arguments, **named):
    return lambda: (function(*arguments, **named), "done")[1]


attempt("write a file outside", writes(target))
attempt("append to a file outside", writes(target, os.O_WRONLY | os.O_APPEND))
attempt("make a file outside", writes(f"{O}/new"))
attempt("cut a file outside", does(os.truncate, f"{O}/cut", 1))
attempt("cut by opening for reading", does(os.open, f"{O}/cut2", os.O_RDONLY | os.O_TRUNC))
attempt("cut by opening for nothing", does(os.open, f"{O}/cut3", os.O_ACCMODE | os.O_TRUNC))
attempt("cut by opening for writing", does(os.open, f"{O}/cut4", os.O_WRONLY | os.O_TRUNC))
attempt("cut a readable toolchain", does(os.open, T["tool"], os.O_RDONLY | os.O_TRUNC), harmful=True)
attempt("cut a readable toolchain by its path", does(os.truncate, T["tool"], 0), harmful=True)
attempt("remove a file outside", does(os.unlink, f"{O}/removable"))
attempt("rename a file outside", does(os.rename, f"{O}/renamable", f"{O}/renamed"))
attempt("make a folder outside", does(os.mkdir, f"{O}/folder"))
attempt("remove a folder outside", does(os.rmdir, f"{O}/empty"))
attempt("make a link outside", does(os.symlink, "/", f"{O}/link"))
attempt("make a pipe outside", does(os.mkfifo, f"{O}/pipe"))
attempt("make a socket outside", lambda: __import__("socket").socket(1, 1).bind(f"{O}/bound") or "bound")
attempt("link a file out", lambda: (open("mine", "w").close(), os.link("mine", f"{O}/linked"), "linked")[2])
attempt("move a file out", lambda: (open("mine2", "w").close(), os.rename("mine2", f"{O}/moved"), "moved")[2])
attempt("write through a link", lambda: (os.symlink(target, "to-target"), writes("to-target")())[1])
attempt("write through a dangling link", lambda: (os.symlink(f"{O}/dangling", "to-nothing"), writes("to-nothing")())[1])
attempt("write through a folder's descriptor", lambda: os.open("from-descriptor", os.O_WRONLY | os.O_CREAT, dir_fd=os.open(O, os.O_PATH)) and "written")
attempt("write through /proc/self/root", writes(f"/proc/self/root{target}"))
attempt("write through a hard link", lambda: (os.link(T["tool"], "tool"), writes("tool")())[1], harmful=True)
attempt("write through an open descriptor", lambda: writes(f"/proc/self/fd/{os.open(target, os.O_RDONLY)}")())
attempt("chmod a file outside", does(os.chmod, target, 0o644))
attempt("chmod a folder outside", does(os.chmod, O, 0o755))
attempt("chown a file outside", does(os.chown, target, os.getuid(), os.getgid()))
attempt("touch a file outside", does(os.utime, target))
attempt("setxattr of a file outside", does(os.setxattr, target, "user.navi", b"1"))
attempt("chmod by descriptor", lambda: os.fchmod(os.open(target, os.O_RDONLY), 0o644) or "done")
attempt("lock a file outside", lambda: __import__("fcntl").flock(os.open(target, os.O_RDONLY), 2) or "locked")

# The mode and the times of what everybody uses, set to what they are.
for name, path in {"the shell": "/bin/bash", "the null device": "/dev/null", "the system's users": "/etc/passwd", "a toolchain": T["tool"], "the system's programs": "/usr/bin"}.items():
    attempt(f"chmod {name}", lambda: os.chmod(path, stat.S_IMODE(os.stat(path).st_mode)) or "done")
    attempt(f"touch {name}", lambda: os.utime(path, ns=(os.stat(path).st_atime_ns, os.stat(path).st_mtime_ns)) or "done")

# Where code waits that others run later.
for name, path in {
    ".bashrc": f"{H}/.bashrc", ".profile": f"{H}/.profile", ".ssh/authorized_keys": f"{H}/.ssh/authorized_keys",
    ".ssh/config": f"{H}/.ssh/config", "a user unit": f"{H}/.config/systemd/user/x.service",
    "autostart": f"{H}/.config/autostart/x.desktop", ".gitconfig": f"{H}/.gitconfig", ".npmrc": f"{H}/.npmrc",
    ".cargo/config.toml": f"{H}/.cargo/config.toml", "a program of the home": f"{H}/.local/bin/x",
    "a toolchain's program": T["tool"], "the registry's sources": f"{H}/.cargo/registry/src/x",
    "python's startup": f"{H}/.local/lib/usercustomize.py", ".vimrc": f"{H}/.vimrc",
}.items():
    attempt(f"write {name}", writes(path))
for path in (
    "/etc/crontab", "/etc/cron.d/navi", "/var/spool/cron/crontabs/root", "/var/spool/at/navi", "/etc/ld.so.preload",
    "/etc/profile.d/navi.sh", "/etc/systemd/system/navi-x.service", "/usr/local/bin/navi-x", "/usr/lib/navi-x.so", "/root/.bashrc.navi",
    "/etc/passwd", "/etc/sudoers.d/navi", "/etc/pam.d/navi", "/boot/navi", "/var/lib/navi-x", "/run/navi-x", "/opt/navi-x",
):
    attempt(f"write {path}", writes(path), harmful=True)
attempt("crontab", lambda: "installed" if "" == shell("echo '* * * * * true' | crontab - 2>&1 && crontab -l | grep -v true") else None, harmful=True)
attempt("at", lambda: "job" in shell("echo true | at now + 1 minute") and "queued", harmful=True)

# The kernel's settings.
for path, value in {
    "/proc/sys/kernel/core_pattern": "|/tmp/x", "/proc/sys/kernel/modprobe": "/tmp/x", "/proc/sys/kernel/hostname": "x",
    "/proc/sys/vm/drop_caches": "1", "/proc/sys/vm/overcommit_memory": "1", "/proc/sys/net/ipv4/ip_forward": "1",
    "/proc/sys/net/ipv4/ping_group_range": "0 1", "/proc/sys/fs/binfmt_misc/register": ":x:M::x::/bin/sh:",
    "/proc/sysrq-trigger": "h", "/proc/self/oom_score_adj": "-1000", "/proc/self/oom_adj": "-17", "/proc/self/uid_map": "0 0 1",
    "/proc/self/setgroups": "allow", "/proc/1/oom_score_adj": "1000", f"/proc/{T['victim']}/oom_score_adj": "1000",
    f"/proc/{T['victim']}/mem": "x", f"/proc/{T['server']}/oom_score_adj": "1000", f"/proc/{T['server']}/comm": "x",
    "/sys/kernel/uevent_helper": "/tmp/x", "/sys/kernel/mm/ksm/run": "1", "/sys/power/state": "x", "/sys/devices/system/cpu/cpu1/online": "1",
    "/sys/fs/cgroup/cgroup.procs": "0", "/sys/fs/cgroup/memory/release_agent": "/tmp/x", "/sys/class/net/lo/mtu": "65536", "/proc/self/attr/current": "x",
    "/dev/kmsg": "x", "/dev/mem": "x", "/proc/irq/default_smp_affinity": "3", "/proc/self/clear_refs": "1",
}.items():
    name = path.replace(str(T["victim"]), "VICTIM").replace(str(T["server"]), "SERVER")
    attempt(f"write {name}", lambda: os.write(os.open(path, os.O_WRONLY | os.O_NONBLOCK), value.encode()) and "written", harmful=True)
for path in ("/sys/fs/cgroup/navi-x", "/sys/fs/cgroup/memory/navi-x", "/sys/fs/cgroup/unified/navi-x", "/sys/kernel/config/x"):
    attempt(f"make {path}", does(os.mkdir, path), harmful=True)
for name, kind, number in (("a disk", stat.S_IFBLK, os.makedev(254, 0)), ("the memory", stat.S_IFCHR, os.makedev(1, 1)), ("the kernel log", stat.S_IFCHR, os.makedev(1, 11))):
    attempt(f"make a device of {name}", lambda: os.mknod(f"device.{os.getpid()}", kind | 0o600, number) or "made")

# Programs with their owner's rights.


def with_rights(make):
    def act():
        path = f"rights.{os.getpid()}"
        make(path)
        mode = os.lstat(path).st_mode
        return oct(mode) if mode & (stat.S_ISUID | stat.S_ISGID) else None

    return act


def made(path, mode=0o755):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, mode))


def made_by_openat2(path):
    how = (ctypes.c_uint64 * 3)(os.O_WRONLY | os.O_CREAT, 0o4755, 0)
    system_call(call_number("openat2"), -100, ctypes.c_char_p(path.encode()), how, 24)


os.umask(0)
attempt("setuid by chmod", with_rights(lambda path: (made(path), os.chmod(path, 0o4755))))
attempt("setgid by chmod", with_rights(lambda path: (made(path), os.chmod(path, 0o2755))))
attempt("setuid by fchmod", with_rights(lambda path: os.fchmod(os.open(path, os.O_CREAT | os.O_WRONLY), 0o4755)))
attempt("setuid by fchmodat", with_rights(lambda path: (made(path), os.chmod(path, 0o4755, dir_fd=os.open(".", os.O_RDONLY)))))
attempt("setuid by fchmodat2", with_rights(lambda path: (made(path), system_call(call_number("fchmodat2"), -100, ctypes.c_char_p(path.encode()), 0o4755, 0))))
attempt("setuid by open", with_rights(lambda path: made(path, 0o4755)))
attempt("setuid by openat2", with_rights(made_by_openat2))
attempt("setuid by mknod", with_rights(lambda path: os.mknod(path, stat.S_IFREG | 0o4755)))
attempt("setuid by a temporary file", with_rights(lambda path: os.link(f"/proc/self/fd/{os.open('.', os.O_TMPFILE | os.O_RDWR, 0o4755)}", path, follow_symlinks=True)))
attempt("setuid by install", with_rights(lambda path: shell(f"install -m 4755 /bin/true {path}")))
attempt("setuid by tar", with_rights(lambda path: shell(f"perl -e 'chmod 04755, \"{path}\"' ; cp /bin/true {path}; chmod u+s {path}")))
attempt("become root by a setuid program", lambda: "0" in shell("su -s /bin/sh -c 'id -u' nobody </dev/null").split() and os.getuid() != 0 and "root")
