"""One situation's stage: what runs in its network, the capture of it, and what the peers saw."""
import json
import pathlib
import signal
import socket
import subprocess
import threading
import time

# Where applications listen, and where the Envoy before them does.
APP, PROXY = 9080, 8080

SITUATIONS = {}


def situation(run):
    """Registers `run(stage)`: its name, with dashes, is the situation's; its docstring says what happens."""
    register(run.__name__.replace("_", "-"), run.__doc__, run)
    return run


def register(name, what, run):
    SITUATIONS[name] = " ".join(what.split()), run


def until(true, what, seconds=20):
    given_up = time.monotonic() + seconds
    while not true():
        if time.monotonic() > given_up:
            raise TimeoutError(what)
        time.sleep(0.005)


def is_listening(port):
    """Whether somebody listens there; found out without a packet."""
    listening = f":{port:04X} "
    for table in ("/proc/self/net/tcp", "/proc/self/net/tcp6"):
        for line in open(table):
            _, local, _, state, *_ = line.split()
            if state == "0A" and (local + " ").endswith(listening):
                return True
    return False


class Stage:
    def __init__(self, name, directory):
        self.name = name
        self.directory = pathlib.Path(directory)
        self.peers = []
        self.children = []
        self.lock = threading.Lock()

    def path(self, suffix):
        return self.directory / f"{self.name}.{suffix}"

    def certificate(self, name):
        """The path of a certificate of `certificates.sh`; its key is beside it as .key."""
        return str(self.directory / "certificates" / f"{name}.pem")

    def saw(self, who, **facts):
        """Writes down what one peer saw, in the words of its library."""
        with self.lock:
            self.peers.append({"who": who, **facts})

    def start(self, *command, listens=None):
        """Runs a program until the situation is over; returns when it listens on this port."""
        with open(self.path("log"), "ab") as log:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        self.children.append(child)
        if listens:
            until(lambda: is_listening(listens) or child.poll() is not None, f"{command[0]} does not listen")
            if child.poll() is not None:
                raise RuntimeError(f"{command[0]} ended; see {self.path('log')}")
        return child

    def run(self, *command, tell=""):
        """Runs a program to its end and tells it this; returns what it said and its exit code."""
        done = subprocess.run(command, input=tell, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20,
                              text=True, errors="replace")
        return done.stdout.strip(), done.returncode

    def capture(self):
        """Begins to capture; answers how to end that."""
        tcpdump = self.start("tcpdump", "-Z", "root", "-i", "lo", "-s", "0", "-B", "32768", "--immediate-mode", "-U",
                             "-w", str(self.path("pcap")), "tcp or udp port 9")
        until(lambda: "listening on" in self.path("log").read_text(), "tcpdump does not begin")

        def end():
            # What it has not read when it is told to stop, it leaves out. Of the end it reads last.
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as marker:
                marker.sendto(b"the end of the situation", ("127.0.0.1", 9))
            until(lambda: b"the end of the situation" in self.path("pcap").read_bytes(), "tcpdump falls behind")
            tcpdump.send_signal(signal.SIGINT)
            tcpdump.wait(10)
        return end

    def play(self):
        """Makes the traffic, captures it, and leaves what the peers saw beside the capture."""
        what, play = SITUATIONS[self.name]
        self.path("log").write_bytes(b"")
        try:
            end_capture = self.capture()
            play(self)
            # The last closes and the late answers' RSTs.
            time.sleep(0.15)
            end_capture()
        finally:
            for child in self.children:
                child.terminate()
            for child in self.children:
                child.wait(10)
        self.read_envoy()
        it = {"situation": self.name, "what": what, "capture": self.path("pcap").name,
              "peers": self.peers}
        self.path("json").write_text(json.dumps(it, indent=1, ensure_ascii=False) + "\n")
        for suffix in ("log", "envoy.log", "envoy.conf"):
            self.path(suffix).unlink(missing_ok=True)

    def read_envoy(self):
        """Adds what Envoy logged."""
        log = self.path("envoy.log")
        if log.exists():
            for line in log.read_text().splitlines():
                self.saw("envoy", **{key: value for key, value in json.loads(line).items() if value is not None})
