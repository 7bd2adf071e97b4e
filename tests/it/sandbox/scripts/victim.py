"""A machine around a run: secrets, sockets, shared memory. Notes everything that reaches it in a file."""
import ctypes
import json
import os
import signal
import socket
import sys
import threading

FOLDER, CANARY = sys.argv[1], sys.argv[2]
C = ctypes.CDLL(None, use_errno=True)
reached = open(os.path.join(FOLDER, "reached"), "ab", buffering=0)


def note(what):
    reached.write(f"{what}\n".encode())


def serve(listener, name):
    while True:
        connection, _ = listener.accept()
        note(name)
        connection.sendall(CANARY.encode())
        connection.close()


def hear(receiver, name):
    while True:
        data, _ = receiver.recvfrom(4096)
        if data != b"stop":
            note(name)


def start(what, bound, name):
    threading.Thread(target=what, args=(bound, name), daemon=True).start()


def stream(family, address, name):
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.bind(address)
    listener.listen(64)
    start(serve, listener, name)
    return listener


def datagram(family, address, name):
    receiver = socket.socket(family, socket.SOCK_DGRAM)
    receiver.bind(address)
    start(hear, receiver, name)
    return receiver


for number in (signal.SIGUSR1, signal.SIGIO, signal.SIGRTMIN + 3):
    signal.signal(number, lambda number, _: note(f"signal {number}"))
tcp = stream(socket.AF_INET, ("0.0.0.0", 0), "tcp")
port = tcp.getsockname()[1]
tcp6 = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
tcp6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
tcp6.bind(("::1", port))
tcp6.listen(64)
start(serve, tcp6, "tcp6")
fast = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
fast.bind(("127.0.0.1", 0))
fast.setsockopt(socket.IPPROTO_TCP, 23, 16)
fast.listen(64)
start(serve, fast, "fast")
udp = datagram(socket.AF_INET, ("127.0.0.1", 0), "udp")
udp6 = datagram(socket.AF_INET6, ("::1", 0), "udp6")
stream(socket.AF_UNIX, os.path.join(FOLDER, ".s.PGSQL.5432"), "database socket")
stream(socket.AF_UNIX, os.path.join(FOLDER, "docker.sock"), "docker socket")
stream(socket.AF_UNIX, os.path.join(FOLDER, "agent.sock"), "agent socket")
datagram(socket.AF_UNIX, os.path.join(FOLDER, "notify.sock"), "notify socket")
abstract = f"navi-victim-{os.getpid()}"
stream(socket.AF_UNIX, "\0" + abstract, "abstract stream")
datagram(socket.AF_UNIX, "\0" + abstract + "-datagram", "abstract datagram")
packets = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
packets.bind("\0" + abstract + "-packets")
packets.listen(16)
start(serve, packets, "abstract packets")

key = 0x6E617669 ^ os.getpid()
C.shmat.restype = ctypes.c_void_p
shared = C.shmget(key, 4096, 0o1600)
address = C.shmat(shared, None, 0)
ctypes.memmove(address, CANARY.encode(), len(CANARY))
semaphores = C.semget(key, 1, 0o1600)
queue = C.msgget(key, 0o1600)
message = ctypes.create_string_buffer(8 + len(CANARY))
message[0] = 1
message[8 : 8 + len(CANARY)] = CANARY.encode()
C.msgsnd(queue, message, len(CANARY), 0)
named = f"/navi-victim-{os.getpid()}"
try:
    librt = ctypes.CDLL("librt.so.1", use_errno=True)
    posix_queue = librt.mq_open(named.encode(), os.O_CREAT | os.O_RDWR, 0o600, None)
    librt.mq_send(posix_queue, CANARY.encode(), len(CANARY), 1)
except OSError:
    posix_queue = -1
with open(f"/dev/shm{named}", "w") as file:
    file.write(CANARY)
secret_file = open(os.path.join(FOLDER, "secret"))

json.dump(
    {
        "victim": os.getpid(), "port": port, "fast_port": fast.getsockname()[1],
        "udp": udp.getsockname()[1], "udp6": udp6.getsockname()[1], "abstract": abstract,
        "shm": shared, "shm_key": key, "sem": semaphores, "msg": queue, "mq": named,
        "fd": secret_file.fileno(), "secret_address": address,
    },
    sys.stdout,
)
sys.stdout.write("\n")
sys.stdout.flush()
# Ends with the process that started it.
sys.stdin.read()
C.shmctl(shared, 0, None)
C.semctl(semaphores, 0, 0)
C.msgctl(queue, 0, None)
try:
    librt.mq_unlink(named.encode())
except (NameError, OSError):
    pass
os.unlink(f"/dev/shm{named}")
os._exit(0)
