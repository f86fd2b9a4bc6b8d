#!/usr/bin/env python3
"""Measures what a capture takes from a pod, on a cluster of tests/cluster; root.

    pod.py [rate] [packets]     both if none is named

rate        nginx and wrk at full speed in a pod: requests a second under `kubectl meshsniff pod`, beside
            those under `tcpdump -i lo -B 65536 -w /dev/null` in its network, in turn
packets     how fast packets come through exec with `-w FILE`, and whether those that do not come are
            counted to the packet

CLUSTER_NAME   the cluster; started if it is not up, and then taken down
ROUNDS         times that each is run [5]
SECONDS        how long each of them is [30]
DIR            where packets are written: memory, or it is the disk that is measured [/dev/shm]
"""

import json
import mmap
import os
import pathlib
import re
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
CLUSTER = ROOT / "tests/cluster"
MESHSNIFF = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "release/kubectl-meshsniff"
ROUNDS = int(os.environ.get("ROUNDS", 5))
SECONDS = int(os.environ.get("SECONDS", 30))
DIR = os.environ.get("DIR", "/dev/shm")

NGINX = """
worker_processes 1;
daemon off;
pid /tmp/nginx.pid;
error_log /dev/stderr crit;
user root;
events { worker_connections 8192; }
http {
  access_log off;
  sendfile on;
  tcp_nodelay on;
  keepalive_requests 1000000;
  server { listen 127.0.0.1:8080 backlog=8192; root /www; }
}
"""

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "bench"},
    "spec": {
        "containers": [{"name": "nginx", "image": "registry.local/bench:1", "command": ["/nginx", "-c", "/etc/nginx.conf"]}],
        "terminationGracePeriodSeconds": 0,
    },
}


def say(*words):
    print(*words, flush=True)


def cluster(*words, **options):
    return subprocess.run([CLUSTER / "cluster.sh", *words], check=True, text=True, **options)


def output(*words):
    return cluster(*words, stdout=subprocess.PIPE).stdout


class Pod:
    """The pod, in a cluster; both go away with this if it made them."""

    def __enter__(self):
        up = subprocess.run([CLUSTER / "cluster.sh", "kubeconfig"], capture_output=True)
        self.started = up.returncode != 0
        if self.started:
            cluster("up", "1")
        try:
            self.make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def make(self):
        with tempfile.TemporaryDirectory() as tmp:
            tmp = pathlib.Path(tmp)
            (tmp / "1k.txt").write_text("x" * (1 << 10))
            (tmp / "64k.txt").write_text("x" * (64 << 10))
            (tmp / "nginx.conf").write_text(NGINX)
            files = [f"{tmp}/{name}:/www/{name}" for name in ("1k.txt", "64k.txt")]
            files += [f"{tmp}/nginx.conf:/etc/nginx.conf", "text=root:x:0:0::/:/bin/sh:/etc/passwd", "text=root:x:0::/etc/group"]
            files += ["/usr/sbin/nginx:/nginx", "/usr/bin/wrk:/wrk", "text=:/var/lib/nginx/empty", "text=:/var/log/nginx/empty"]
            image = [CLUSTER / "image.py", tmp / "bench.tar", "registry.local/bench:1", "--libs"]
            for file in files:
                image += ["--file", file]
            subprocess.run(image, check=True)
            cluster("load", str(tmp / "bench.tar"))
        cluster("kubectl", "apply", "-f", "-", input=json.dumps(POD), stdout=subprocess.DEVNULL)
        cluster("kubectl", "wait", "--for=condition=Ready", "pod/bench", "--timeout=60s", stdout=subprocess.DEVNULL)
        status = json.loads(output("kubectl", "get", "pod", "bench", "-o", "json"))["status"]
        self.process = process(status["containerStatuses"][0]["containerID"].split("//")[1])

    def __exit__(self, *_):
        if self.started:
            cluster("down")
        else:
            subprocess.run([CLUSTER / "cluster.sh", "kubectl", "delete", "pod", "bench", "--ignore-not-found"])

    def wrk(self, file, seconds):
        """Requests a second."""
        url = f"http://127.0.0.1:8080/{file}"
        said = output("kubectl", "exec", "bench", "--", "/wrk", "-t1", "-c64", f"-d{seconds}s", url)
        return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])

    def under(self, command, ready, file, stdout=subprocess.DEVNULL):
        """Requests a second while the command runs, which is then interrupted; and what it said."""
        with tempfile.TemporaryFile("w+") as said:
            capturing = subprocess.Popen([*map(str, command)], stdout=stdout, stderr=said)
            try:
                given_up = time.monotonic() + 60
                while ready not in read(said):
                    if capturing.poll() is not None or time.monotonic() > given_up:
                        sys.exit(f"{command[0]}: {read(said)}")
                    time.sleep(0.1)
                rate = self.wrk(file, SECONDS)
            finally:
                capturing.send_signal(signal.SIGINT)
                capturing.wait(60)
            return rate, read(said)


def read(file):
    # At a place of its own: the child writes where its own is.
    return os.pread(file.fileno(), 1 << 20, 0).decode()


def process(container):
    """A process of the container, as this machine numbers it."""
    for path in pathlib.Path("/proc").glob("[0-9]*/cgroup"):
        try:
            if container in path.read_text():
                return int(path.parent.name)
        except OSError:
            pass
    sys.exit(f"no process of container {container}")


def meshsniff(*words):
    kubeconfig = output("kubeconfig").strip()
    return [MESHSNIFF, "pod", "bench", "--kubeconfig", kubeconfig, "-n", "default", *words]


def rate(pod):
    say(f"wrk and nginx in a pod, {SECONDS} s a round, in turn: requests a second.\n")
    tcpdump = ["nsenter", f"--net=/proc/{pod.process}/ns/net", "tcpdump", "-i", "lo", "-B", "65536", "-w", "/dev/null"]
    ratios = []
    for _ in range(ROUNDS):
        theirs, said = pod.under(tcpdump, "listening on", "1k.txt")
        with tempfile.TemporaryFile("w+") as out:
            ours, told = pod.under(meshsniff("-o", "json", "--summary"), "Ready in", "1k.txt", out)
            summary = json.loads(read(out))
        summary = summary.get("summary", summary)
        ratios.append(ours / theirs)
        say(f"  tcpdump {theirs:.0f}, meshsniff {ours:.0f}: {ratios[-1]:.2f}")
        say("    " + ", ".join(re.findall(r"\d+ packets .*", said)))
        capture = summary["capture"]
        say(f"    {summary['exchanges']} exchanges, {capture['packets']} packets, {capture['dropped']} dropped by kernel")
        for line in told.splitlines():
            say("    " + line)
    say(f"\n  median of the ratios: {statistics.median(ratios):.2f}\n")


def packets(pod):
    say("Packets of wrk and nginx through exec.\n")
    for _ in range(ROUNDS):
        with tempfile.NamedTemporaryFile(dir=DIR, suffix=".pcapng") as file:
            _, told = pod.under(meshsniff("-w", file.name), "Ready in", "64k.txt")
            captured, size, last = counted(file)
        received, refused, lost = (last.get(option, 0) for option in (4, 5, 7))
        say(f"  {size / SECONDS / (1 << 20):.0f} MiB/s, {captured} packets, {lost} lost by the kernel, {refused} by the queue")
        missing = received - captured - refused - lost
        say(f"    the kernel says {received}: {'each is accounted for' if missing == 0 else f'{missing} ARE MISSING'}")
        for line in told.splitlines():
            say("    " + line)


def counted(file):
    """Packets of a pcapng with one interface, its size, and the options of its last statistics."""
    size, captured, last, at = os.fstat(file.fileno()).st_size, 0, {}, 0
    with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as data:
        while at + 12 <= size:
            kind, length = struct.unpack_from("<II", data, at)
            captured += kind == 6
            if kind == 5:
                last, option = {}, at + 20
                while option < at + length - 4:
                    code, bytes_ = struct.unpack_from("<HH", data, option)
                    if bytes_ == 8:
                        last[code] = struct.unpack_from("<Q", data, option + 4)[0]
                    option += 4 + (bytes_ + 3) // 4 * 4
            at += length
    return captured, size, last


PARTS = {"rate": rate, "packets": packets}


def main():
    chosen = sys.argv[1:] or list(PARTS)
    if unknown := [part for part in chosen if part not in PARTS]:
        sys.exit(f"{' '.join(unknown)}: the parts are {', '.join(PARTS)}")
    if not MESHSNIFF.exists():
        sys.exit(f"{MESHSNIFF} is missing: make")
    with Pod() as pod:
        for part in chosen:
            PARTS[part](pod)


if __name__ == "__main__":
    main()
