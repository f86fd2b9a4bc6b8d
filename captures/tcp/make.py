#!/usr/bin/env python3
"""Makes the captures of this folder that need no mesh: real sockets on the loopback of a network
namespace of their own, captured by tcpdump. Needs root, iptables and tcpdump.

    unshare -n captures/tcp/make.py OUT [NAME...]
"""
import os, random, selectors, signal, socket, struct, subprocess, sys, threading, time

SERVER = "10.77.0.12"
CLIENTS = ["10.77.0.21", "10.77.0.22", "10.77.0.23"]


def up():
    run = lambda *words: subprocess.run(words, check=True)
    run("ip", "link", "set", "lo", "up", "mtu", "1500")
    for address in [SERVER, *CLIENTS]:
        run("ip", "address", "add", f"{address}/32", "dev", "lo")


class Capture:
    def __init__(self, path):
        self.tcpdump = subprocess.Popen(
            ["tcpdump", "-i", "lo", "-U", "--time-stamp-precision=nano", "-w", path, "tcp"],
            stderr=subprocess.PIPE)
        while b"listening on" not in self.tcpdump.stderr.readline():
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        time.sleep(1.5)
        # What tcpdump has not been handed yet, SIGINT would lose.
        self.tcpdump.send_signal(signal.SIGINT)
        self.tcpdump.wait()


def listen(port, backlog=16, address=SERVER):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(backlog)
    return listener


def connect(port, client=CLIENTS[0], timeout=20):
    sock = socket.socket()
    sock.settimeout(timeout)
    sock.bind((client, 0))
    sock.connect((SERVER, port))
    return sock


def each(work):
    threads = [threading.Thread(target=job) for job in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def request(sock, path="/items"):
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: catalog\r\n\r\n".encode())
    return sock.recv(4096)


ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"


def slow_connect(path):
    """The accept queue is full: SYNs are dropped until the application accepts again."""
    listener = listen(9080, backlog=1)
    with Capture(path):
        first = [connect(9080) for _ in range(2)]  # fill the queue

        def later():
            sock = connect(9080, CLIENTS[1])
            request(sock)
            sock.close()

        def serve():
            time.sleep(1.5)
            for _ in range(5):
                sock, _ = listener.accept()
                threading.Thread(target=answer, args=(sock,)).start()

        def answer(sock):
            if sock.recv(4096):
                sock.sendall(ANSWER)
                sock.recv(4096)
            sock.close()

        threading.Thread(target=serve, daemon=True).start()
        threading.Timer(0.6, lambda: [sock.close() for sock in first]).start()
        each([later, later, later])


def connect_retries(path):
    """A firewall drops what goes to the webhook; three clients try again every 5 s."""
    subprocess.run(["iptables", "-A", "INPUT", "-p", "tcp", "--dport", "15017", "-j", "DROP"], check=True)
    with Capture(path):

        def tries(client, delay):
            time.sleep(delay)
            for _ in range(4):
                began = time.monotonic()
                try:
                    connect(15017, client, timeout=3.5)
                except OSError:
                    pass
                time.sleep(max(0, began + 5 - time.monotonic()))

        each([lambda c=c, n=n: tries(c, n * 0.004) for n, c in enumerate(CLIENTS)])


def stream(path, age, count, apart, port=15012):
    """A server that speaks every now and then and closes each connection at an age."""
    listener = listen(port)
    with Capture(path):

        def serve():
            for number in range(count):
                sock, _ = listener.accept()
                threading.Thread(target=speak, args=(sock, age(number))).start()

        def speak(sock, age):
            end = time.monotonic() + age
            dice = random.Random(end)
            while (left := end - time.monotonic()) > 0:
                sock.sendall(b"\x01update\x02")
                time.sleep(min(left, dice.uniform(0.1, 2.5)))
            sock.close()

        def hear(number):
            time.sleep(number * apart)
            sock = connect(port, CLIENTS[number % 3], timeout=60)
            while sock.recv(4096):
                pass
            time.sleep(0.002)
            sock.close()

        threading.Thread(target=serve, daemon=True).start()
        each([lambda n=n: hear(n) for n in range(count)])


def max_connection_age(path):
    """Every stream is cut after 20 s."""
    stream(path, lambda _: 20, 6, 2.7)


def random_ages(path):
    """Streams end when they end."""
    dice = random.Random(5)
    stream(path, lambda _: dice.uniform(4, 25), 8, 1.9)


def idle_timeout(path):
    """The server closes after 5 s without a request; some requests cross that close."""
    listener = listen(9080)
    with Capture(path):

        def serve():
            while True:
                sock, _ = listener.accept()
                threading.Thread(target=answer, args=(sock,), daemon=True).start()

        def answer(sock):
            sock.settimeout(5)
            try:
                while sock.recv(4096):
                    time.sleep(0.003)
                    sock.sendall(ANSWER)
            except TimeoutError:
                pass
            sock.close()

        def ask(number):
            time.sleep(number * 1.3)
            sock = connect(9080, CLIENTS[number % 3], timeout=30)
            for _ in range(number % 4 + 1):
                request(sock)
                time.sleep(number % 3 * 0.7 + 0.2)
            if number in (3, 7):
                time.sleep(5.0 - (number % 3 * 0.7 + 0.2) + 0.02)
                try:
                    request(sock)  # the FIN is there already, and nobody has looked
                except OSError:
                    pass
            else:
                sock.recv(4096)
            sock.close()

        threading.Thread(target=serve, daemon=True).start()
        each([lambda n=n: ask(n) for n in range(9)])


def ask_on(until):
    """A request every 220 ms, each on its own connection, whatever becomes of it."""
    number = 0
    while time.monotonic() < until:
        try:
            sock = connect(9080, CLIENTS[number % 3], timeout=2)
            request(sock)
            sock.close()
        except OSError:
            pass
        number += 1
        time.sleep(0.22)


def serve_on(spans):
    """Serves, then is away, then serves again."""
    for there, away in spans:
        listener = listen(9080)
        listener.settimeout(0.05)
        until = time.monotonic() + there
        while time.monotonic() < until:
            try:
                sock, _ = listener.accept()
            except TimeoutError:
                continue
            if sock.recv(4096):
                time.sleep(0.002)
                sock.sendall(ANSWER)
                sock.recv(4096)
            sock.close()
        listener.close()
        time.sleep(away)


def server_unavailable(path):
    """The server restarts and is away for 4 s."""
    with Capture(path):
        began = time.monotonic()
        server = threading.Thread(target=serve_on, args=([(4, 4), (6, 0)],))
        server.start()
        time.sleep(0.1)
        ask_on(began + 12.5)
        server.join()


def refused_now_and_then(path):
    """The server is away again and again for a moment, as behind a service of which one pod is gone."""
    dice = random.Random(3)
    with Capture(path):
        began = time.monotonic()
        spans = [(dice.uniform(0.1, 0.5), dice.uniform(0.1, 0.5)) for _ in range(22)]
        server = threading.Thread(target=serve_on, args=(spans,))
        server.start()
        time.sleep(0.1)
        ask_on(began + 12)
        server.join()


ALL = {f.__name__.replace("_", "-"): f for f in (
    slow_connect, connect_retries, max_connection_age, random_ages, idle_timeout,
    server_unavailable, refused_now_and_then)}

if __name__ == "__main__":
    out, names = sys.argv[1], sys.argv[2:] or list(ALL)
    up()
    for name in names:
        # Each in a process of its own, so that nothing of one is left in the next.
        if pid := os.fork():
            os.waitpid(pid, 0)
            continue
        ALL[name](os.path.join(out, f"{name}.pcap"))
        print(name, os.path.getsize(os.path.join(out, f"{name}.pcap")))
        os._exit(0)
