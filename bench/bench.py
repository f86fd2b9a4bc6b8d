#!/usr/bin/env python3
"""Measures kubectl-meshsniff and meshsniff-agent beside tcpdump and tshark, and prints tables.

    bench.py [files] [memory] [live]        all three if none is named

BENCH_DIR   where the captures are [bench/data]; those that are absent are made (root, 4 GB)
ROUNDS      times that each command is run, in turn; medians are told [5]
SECONDS     how long each round of the live part loads the server [8]
"""

import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "release"
MESHSNIFF = str(TARGET / "kubectl-meshsniff")
AGENT = str(TARGET / "meshsniff-agent")
DATA = pathlib.Path(os.environ.get("BENCH_DIR") or HERE / "data")
ROUNDS = int(os.environ.get("ROUNDS", 5))
SECONDS = int(os.environ.get("SECONDS", 8))

CAPTURES = {"http-small": "small", "many-conns": "conns", "http-bulk": "bulk", "grpc": "grpc"}


def say(*words):
    print(*words, flush=True)


def table(head, rows):
    rows = [head] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    for row in rows:
        first, *others = zip(row, widths)
        cells = [first[0].ljust(first[1])] + [cell.rjust(width) for cell, width in others]
        say("  " + "  ".join(cells))
    say()


def run(command):
    """Wall time in seconds and peak memory in MiB."""
    null = subprocess.DEVNULL
    with tempfile.NamedTemporaryFile("r") as peak:
        # Asked of the child directly, its peak would not be below that of this process.
        timed = ["/usr/bin/time", "-q", "-f", "%M", "-o", peak.name, *map(str, command)]
        started = time.monotonic()
        code = subprocess.run(timed, stdin=null, stdout=null, stderr=null).returncode
        seconds = time.monotonic() - started
        if code != 0:
            sys.exit(f"{' '.join(map(str, command))} ended with {code}")
        return seconds, int(peak.read()) / 1024


def output(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def capture(name):
    path = DATA / f"{name}.pcap"
    if not path.exists():
        say(f"making {path}")
        subprocess.run([HERE / "captures.sh", DATA, CAPTURES[name]], check=True)
    return path


def warm(path):
    """Reads the file once, so that every command finds it in memory."""
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 20):
            pass


def counts(path):
    """Packets, exchanges, and how many of these are complete."""
    document = json.loads(output([MESHSNIFF, "analyze", path, "-o", "json", "--summary"]))
    summary = document.get("summary", document)
    complete = summary["outcomes"].get("complete", 0)
    return summary["capture"]["packets"], summary["exchanges"], complete


def commands(path):
    return {
        "tcpdump -w": ["tcpdump", "-r", path, "-w", "/dev/null"],
        "analyze": [MESHSNIFF, "analyze", path],
        "-o jsonl": [MESHSNIFF, "analyze", path, "-o", "jsonl"],
        "--summary": [MESHSNIFF, "analyze", path, "--summary"],
    }


def files():
    say(f"Whole commands on files, output to /dev/null; medians of {ROUNDS}, in turn.\n")
    for name in CAPTURES:
        path = capture(name)
        warm(path)
        times, memory = {}, {}
        for _ in range(ROUNDS):
            for what, command in commands(path).items():
                seconds, peak = run(command)
                times.setdefault(what, []).append(seconds)
                memory[what] = max(peak, memory.get(what, 0))
        packets, exchanges, complete = counts(path)
        rows = []
        for what, all_times in times.items():
            median = statistics.median(all_times)
            spread = f"{min(all_times):.2f}-{max(all_times):.2f}"
            # Of each round, so that what else the machine does meets both.
            ratios = [ours / theirs for ours, theirs in zip(all_times, times["tcpdump -w"])]
            ratio = f"{statistics.median(ratios):.2f}"
            rate = f"{packets / median / 1e6:.2f}"
            rows.append([what, f"{median:.2f}", spread, rate, ratio, f"{memory[what]:.1f}"])
        rows.append(tshark(path))
        size = path.stat().st_size / 1e6
        say(f"{name}: {size:.0f} MB, {packets} packets, {exchanges} exchanges, {complete} of them complete")
        head = ["", "seconds", "least-most", "million packets/s", "to tcpdump", "peak MiB"]
        table(head, rows)


def tshark(path):
    """tshark once: it takes half a minute and gigabytes."""
    seconds, memory = run(["tshark", "-n", "-r", path, "-q", "-z", "http,tree"])
    ours = min(run([MESHSNIFF, "analyze", path])[0] for _ in range(3))
    return ["tshark http,tree", f"{seconds:.2f}", "", "", f"{seconds / ours:.0f}x analyze", f"{memory:.1f}"]


def memory():
    say("Peak memory for twice the connections: many-conns, and the same with as many more from")
    say("another address, one after the other.\n")
    path = capture("many-conns")
    rows = []
    with tempfile.TemporaryDirectory(dir=DATA) as tmp:
        twice = pathlib.Path(tmp) / "twice.pcap"
        double(path, twice)
        for what, file in (("once", path), ("twice", twice)):
            peak = max(run([MESHSNIFF, "analyze", file])[1] for _ in range(2))
            rows.append([what, counts(file)[1], f"{peak:.1f}"])
    table(["", "exchanges", "peak MiB"], rows)


def double(path, to):
    """The capture, then its packets again an hour later between other addresses: 127.0.1.x for
    127.0.0.x. Ethernet and IPv4, as captures.sh makes it."""
    data = path.read_bytes()
    with open(to, "wb", buffering=1 << 20) as out:
        out.write(data)
        last = at = 24
        while at + 16 <= len(data):
            last = at
            at += 16 + struct.unpack_from("<I", data, at + 8)[0]
        shift = struct.unpack_from("<I", data, last)[0] - struct.unpack_from("<I", data, 24)[0] + 1
        at = 24
        while at + 16 <= len(data):
            seconds, fraction, captured, length = struct.unpack_from("<IIII", data, at)
            frame = bytearray(data[at + 16 : at + 16 + captured])
            if len(frame) >= 34 and frame[12:14] == b"\x08\0":
                frame[28] = frame[32] = 1
            out.write(struct.pack("<IIII", seconds + shift, fraction, captured, length))
            out.write(frame)
            at += 16 + captured


class Namespace:
    """A network namespace with nginx in it; ends what it has started."""

    def __enter__(self):
        self.name = f"meshsniff-bench-{os.getpid()}"
        self.tmp = pathlib.Path(tempfile.mkdtemp())
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.run(["ip", "link", "set", "lo", "up"])
        self.run([HERE / "server.sh", self.tmp])
        for _ in range(50):
            if self.popen(["curl", "-s", "-o", "/dev/null", URL]).wait() == 0:
                return self
            time.sleep(0.1)
        raise SystemExit("nginx did not start")

    def __exit__(self, *_):
        try:
            os.kill(int((self.tmp / "nginx.pid").read_text()), signal.SIGTERM)
        except (OSError, ValueError):
            pass
        subprocess.run(["ip", "netns", "del", self.name])
        shutil.rmtree(self.tmp, ignore_errors=True)

    def inside(self, command):
        return ["ip", "netns", "exec", self.name, *map(str, command)]

    def run(self, command, **options):
        return subprocess.run(self.inside(command), check=True, **options)

    def popen(self, command, **options):
        return subprocess.Popen(self.inside(command), **options)


URL = "http://127.0.0.1:8080/1k.txt"


def live():
    if os.getuid() != 0:
        say("The live part needs root: sudo make bench\n")
        return
    say(f"Live on lo: nginx and wrk at full speed, {SECONDS} s a round, in turn.\n")
    kinds = {
        "no capture": None,
        "meshsniff-agent": [AGENT, "-i", "lo", "--buffer", "64"],
        "tcpdump -B 65536": ["tcpdump", "-B", "65536", "-i", "lo", "-w", "/dev/null"],
    }
    results = {kind: [] for kind in kinds}
    with Namespace() as namespace:
        for _ in range(max(3, ROUNDS // 2 + 1)):
            for kind, command in kinds.items():
                results[kind].append(round_of(namespace, command))
    base = statistics.median(rate for rate, _, _ in results["no capture"])
    rows = []
    for kind, rounds in results.items():
        rate = statistics.median(rate for rate, _, _ in rounds)
        seen = sum(seen for _, seen, _ in rounds)
        lost = sum(lost for _, _, lost in rounds)
        share = f"{lost / max(seen + lost, 1):.2%}" if kinds[kind] else "-"
        each = " ".join(str(lost) for _, _, lost in rounds) if kinds[kind] else "-"
        rows.append([kind, f"{rate:.0f}", f"{rate / base - 1:+.0%}", seen or "-", each, share])
    table(["", "requests/s", "to none", "packets", "lost, by round", "lost"], rows)


def round_of(namespace, command):
    """Requests a second, packets captured, packets lost by the kernel."""
    capturing = None
    if command:
        log = open(namespace.tmp / "log", "w+")
        capturing = namespace.popen(command, stdout=subprocess.DEVNULL, stderr=log)
        time.sleep(1)
        if capturing.poll() is not None:
            log.seek(0)
            sys.exit(f"{command[0]}: {log.read()}")
    load = ["wrk", "-t1", "-c64", f"-d{SECONDS}s", URL]
    wrk = namespace.run(load, capture_output=True, text=True).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", wrk)[1])
    if not capturing:
        return rate, 0, 0
    time.sleep(1)
    # `ip netns exec` becomes the command: this is its pid.
    capturing.send_signal(signal.SIGINT)
    capturing.wait(30)
    log.seek(0)
    return rate, *losses(log.read())


def losses(text):
    """What the program said at its end: packets captured, packets lost by the kernel."""
    captured = re.findall(r"(\d+) packets(?: captured|, )", text)
    lost = re.findall(r"(\d+) (?:packets dropped|lost) by (?:the )?kernel", text)
    if not captured:
        sys.exit(f"no packets were counted: {text}")
    return int(captured[-1]), int(lost[-1]) if lost else 0


PARTS = {"files": files, "memory": memory, "live": live}


def main():
    chosen = sys.argv[1:] or list(PARTS)
    if unknown := [part for part in chosen if part not in PARTS]:
        sys.exit(f"{' '.join(unknown)}: the parts are {', '.join(PARTS)}")
    if not pathlib.Path(MESHSNIFF).exists():
        sys.exit(f"{MESHSNIFF} is missing: cargo build --release --workspace")
    for part in chosen:
        PARTS[part]()


if __name__ == "__main__":
    main()
