from attempt import *  # noqa: F403

import fcntl
import socket
import struct

P = T["port"]
O = T["outside"]
A = T["abstract"]
socket.setdefaulttimeout(2)


def says(connect):
    """The canary, if it comes from a connection that this makes."""

    def act():
        return holds_canary(connect().recv(99))

    return act


def connected(family, address, kind=socket.SOCK_STREAM, protocol=0):
    def act():
        one = socket.socket(family, kind, protocol)
        one.connect(address)
        return one

    return says(act)


def sent(family, address, kind=socket.SOCK_DGRAM, protocol=0):
    def act():
        one = socket.socket(family, kind, protocol)
        return f"sent {one.sendto(b'hello', address)}"

    return act


def reaches_socket(family, kind, protocol):
    return reaches_kernel(41 if os.uname().machine == "x86_64" else 198, family, kind, protocol)


# The loopback address by all its names: another program, the server itself, another run's server.
for name, host in {
    "127.0.0.1": "127.0.0.1", "localhost": "localhost", "any address": "0.0.0.0", "a short address": "127.1",
    "a number": "2130706433", "a hexadecimal number": "0x7f000001", "an octal number": "0177.0.0.1", "another loopback address": "127.9.9.9",
}.items():
    attempt(f"connect to {name}", connected(socket.AF_INET, (host, P)))
attempt("connect to the machine's own address", connected(socket.AF_INET, (T["address"], P)))
attempt("connect over IPv6", connected(socket.AF_INET6, ("::1", P, 0, 0)))
attempt("connect over mapped IPv6", connected(socket.AF_INET6, ("::ffff:127.0.0.1", P, 0, 0)))
attempt("connect to the server's own port", lambda: socket.create_connection(("127.0.0.1", T["server_port"])) and "connected")
attempt("connect to another run's server", connected(socket.AF_INET, ("127.0.0.1", T["run_port"])))
attempt("connect by /dev/tcp", lambda: holds_canary(shell(f"exec 3<>/dev/tcp/127.0.0.1/{P} && cat <&3")))
attempt("connect by perl", lambda: holds_canary(shell(f"perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(\"127.0.0.1:{P}\")->getline'")))
attempt("connect by curl", lambda: holds_canary(shell(f"curl -s --noproxy '*' --http0.9 -m 2 http://127.0.0.1:{P}/")))
attempt("connect by curl past the proxy", lambda: holds_canary(shell(f"curl -s -x '' --http0.9 -m 2 telnet://127.0.0.1:{P} </dev/null")))


def with_option(level, option):
    def act():
        one = socket.socket()
        one.setsockopt(level, option, 1)
        one.connect(("127.0.0.1", T["fast_port"]))
        one.send(b"x")
        return one

    return says(act)


def fast():
    one = socket.socket()
    one.settimeout(None)
    one.sendto(b"x", 0x20000000, ("127.0.0.1", T["fast_port"]))
    return one


def fast_message():
    one = socket.socket()
    one.settimeout(None)
    one.sendmsg([b"x"], [], 0x20000000, ("127.0.0.1", T["fast_port"]))
    return one


def without_waiting():
    one = socket.socket()
    one.setblocking(False)
    one.connect_ex(("127.0.0.1", P))
    one.settimeout(1)
    return one


def later_again():
    """A socket that was connected, and is then told to forget that."""
    one = socket.socket()
    one.bind(("127.0.0.1", 0))
    unspecified = struct.pack("H14x", 0)
    C.connect(one.fileno(), unspecified, 16)
    one.connect(("127.0.0.1", P))
    return one


attempt("TCP fast open", says(fast))
attempt("TCP fast open by message", says(fast_message))
attempt("TCP fast open by option", with_option(socket.IPPROTO_TCP, 30))
attempt("connect without waiting", says(without_waiting))
attempt("connect after forgetting", says(later_again))
attempt("MPTCP", connected(socket.AF_INET, ("127.0.0.1", P), protocol=262))
attempt("MPTCP over IPv6", connected(socket.AF_INET6, ("::1", P, 0, 0), protocol=262))
for name, kind, protocol in (("SCTP", 1, 132), ("SCTP messages", 5, 132), ("DCCP", 6, 33), ("SMC", 1, 256)):
    attempt(name, lambda: reaches_socket(socket.AF_INET, kind, protocol))

# Datagrams: names of other machines are asked for by them.
question = struct.pack(">HHHHHH", 1, 0x100, 1, 0, 0, 0) + b"\x20" + b"x" * 32 + b"\x07example\x00" + struct.pack(">HH", 1, 1)


def name_service():
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    return f"sent {one.sendto(question, ('127.0.0.1', T['udp']))}"


# In a network of the run's own a datagram can be sent, and arrives nowhere.
OWN = T["tier"] == "full"
attempt("UDP", lambda: None if OWN else sent(socket.AF_INET, ("127.0.0.1", T["udp"]))())
attempt("UDP over IPv6", lambda: None if OWN else sent(socket.AF_INET6, ("::1", T["udp6"], 0, 0))())
attempt("send by /dev/udp", lambda: "sent" if not OWN and shell(f"echo hello > /dev/udp/127.0.0.1/{T['udp']} && echo sent").strip() == "sent" else None)
attempt("DNS tunnelling", lambda: None if OWN else name_service())
attempt("UDP-Lite", lambda: None if OWN else sent(socket.AF_INET, ("127.0.0.1", T["udp"]), protocol=136)())
if OWN:
    # The notes there are read afterwards.
    attempt("UDP into the run's own network", lambda: (sent(socket.AF_INET, ("127.0.0.1", T["udp"]))(), name_service(), None)[2])
attempt("UDP to other machines", lambda: sent(socket.AF_INET, (T["beyond"], 9))())
attempt("multicast", lambda: sent(socket.AF_INET, ("224.0.0.251", 5353))())
attempt("UDP over IPv6 to other machines", lambda: sent(socket.AF_INET6, ("2001:db8::1", 9, 0, 0))())


attempt("ICMP by a raw socket", lambda: reaches_socket(socket.AF_INET, socket.SOCK_RAW, 1))
attempt("ICMP by a ping socket", lambda: (one := socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 1), one.sendto(b"\x08\x00\x00\x00\x00\x01\x00\x01", ("127.0.0.1", 0)))[1])
attempt("raw IPv6", lambda: reaches_socket(socket.AF_INET6, socket.SOCK_RAW, 58))
attempt("raw IP with its header", lambda: reaches_socket(socket.AF_INET, socket.SOCK_RAW, 255))
attempt("raw frames", lambda: reaches_socket(socket.AF_PACKET, socket.SOCK_RAW, 0x300))
attempt("cooked frames", lambda: reaches_socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0x300))
for name, family in {
    "virtual machines": 40, "the kernel's ciphers": 38, "Bluetooth": 31, "CAN": 29, "TIPC": 30, "keys": 15, "XDP": 44, "RDS": 21, "X.25": 9,
    "AppleTalk": 5, "phones": 35, "SMC": 43, "QRTR": 42, "NFC": 39, "PPP": 24, "L2TP": 26, "DECnet": 12, "ATM": 8, "InfiniBand": 27, "MCTP": 45,
}.items():
    attempt(f"a socket for {name}", lambda: reaches_socket(family, socket.SOCK_DGRAM, 0))
    attempt(f"a stream for {name}", lambda: reaches_socket(family, socket.SOCK_STREAM, 0))
for name, protocol in {"netfilter": 12, "audit": 9, "devices": 15, "generic": 16, "IPsec": 6, "SELinux": 7, "crypto": 21, "connector": 11, "sockets": 4}.items():
    attempt(f"netlink for {name}", lambda: reaches_socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol))
pair = 53 if os.uname().machine == "x86_64" else 199
attempt("a pair for TIPC", lambda: reaches_kernel(pair, 30, socket.SOCK_STREAM, 0, (ctypes.c_int * 2)()))
attempt("a pair for virtual machines", lambda: reaches_kernel(pair, 40, socket.SOCK_STREAM, 0, (ctypes.c_int * 2)()))


def interface(kind, body):
    one = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    one.send(struct.pack("IHHII", 16 + len(body), kind, 5, 1, 0) + body)
    code = struct.unpack_from("i", one.recv(4096), 16)[0]
    if code:
        raise OSError(-code, "netlink")
    return "changed"


attempt("change the loopback interface", lambda: interface(16, struct.pack("BxHiII", 0, 0, 1, 1, 1)))
attempt("a network interface", lambda: interface(16, struct.pack("BxHiII", 0, 0, 0, 0, 0) + struct.pack("HH8s", 12, 3, b"navi0")), harmful=True)

# Local sockets, by their path or name.
for name, path in {"the database": ".s.PGSQL.5432", "Docker": "docker.sock", "the agent": "agent.sock"}.items():
    attempt(f"the socket of {name}", connected(socket.AF_UNIX, f"{O}/{path}"))
    attempt(f"the socket of {name} through a link", lambda: (os.symlink(f"{O}/{path}", path), connected(socket.AF_UNIX, path)())[1])
attempt("a datagram to a socket's path", sent(socket.AF_UNIX, f"{O}/notify.sock"))
attempt("a datagram from a pair", lambda: f"sent {socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b'hello', O + '/notify.sock')}")
attempt("a datagram from a raw pair", lambda: (ends := (ctypes.c_int * 2)(), system_call(pair, 1, socket.SOCK_RAW, 0, ends), socket.socket(fileno=ends[0]).sendto(b"hello", f"{O}/notify.sock"))[2])
attempt("a stream pair connected anew", lambda: (one := socket.socketpair()[0], one.connect(f"{O}/docker.sock"), holds_canary(one.recv(99)))[2])
attempt("an abstract socket", connected(socket.AF_UNIX, f"\0{A}"))
attempt("an abstract socket for packets", connected(socket.AF_UNIX, f"\0{A}-packets", socket.SOCK_SEQPACKET))
attempt("a datagram to an abstract socket", sent(socket.AF_UNIX, f"\0{A}-datagram"))
attempt("an abstract datagram from a pair", lambda: f"sent {socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b'hello', chr(0) + A + '-datagram')}")
for name, path in {"the system's bus": "/run/dbus/system_bus_socket", "the user's bus": f"/run/user/{os.getuid()}/bus", "systemd": "/run/systemd/private", "the journal": "/run/systemd/journal/socket", "Docker itself": "/var/run/docker.sock", "containerd": "/run/containerd/containerd.sock", "the log": "/dev/log", "X11": "/tmp/.X11-unix/X0", "Postgres itself": "/var/run/postgresql/.s.PGSQL.5432", "names": "/var/run/nscd/socket"}.items():
    attempt(f"connect to {name}", lambda: socket.socket(socket.AF_UNIX).connect(path) or "connected")
attempt("the bus by its program", lambda: "org.freedesktop" in shell("busctl --system list --no-pager") and "listed")
attempt("Docker by its program", lambda: "Server Version" in shell("docker info") and "answered")
attempt("systemd by its program", lambda: "loaded" in shell("systemctl list-units --no-pager") and "listed")
attempt("the metadata of a cloud", lambda: shell("curl -s --noproxy '*' -m 1 http://169.254.169.254/") or None, harmful=True)
attempt("a name of the internet", lambda: shell("curl -s --noproxy '*' -m 2 https://example.com/") or None, harmful=True)
attempt("a privileged port", lambda: socket.socket().bind(("127.0.0.1", 81)) or "bound")
