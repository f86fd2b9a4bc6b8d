#!/usr/bin/env python3
"""Plays situations between real peers, each in a network of its own, and captures them.

    run.py DIR [SITUATION ...]     DIR/NAME.pcap, and what the peers saw in DIR/NAME.json; all if none is named
    run.py --list

Several run at once; one that fails leaves DIR/NAME.log, and the exit code says so.
"""
import os
import pathlib
import subprocess
import sys
from concurrent import futures

import http2  # noqa: F401  (each registers its situations)
import rpc  # noqa: F401
import tls  # noqa: F401
import websocket  # noqa: F401
from stage import SITUATIONS, Stage

AT_ONCE = 6


def apart(name, directory):
    """Plays one in a network namespace of its own; answers what went wrong."""
    environment = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    script = 'ip link set lo up && exec "$@"'
    command = ["unshare", "-n", "sh", "-c", script, "sh", sys.executable, __file__, "--inside", directory, name]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, text=True)
    return f"{name}: {done.stdout}" if done.returncode else ""


def main():
    if sys.argv[1:] == ["--list"]:
        for name, (what, _) in SITUATIONS.items():
            print(f"{name:32} {what}")
        return
    if sys.argv[1] == "--inside":
        Stage(sys.argv[3], sys.argv[2]).play()
        # Threads of a server that still sleeps need not be waited for.
        os._exit(0)
    directory, *names = sys.argv[1:]
    pathlib.Path(directory).mkdir(parents=True, exist_ok=True)
    subprocess.run([pathlib.Path(__file__).with_name("certificates.sh"), pathlib.Path(directory, "certificates")], check=True)
    with futures.ThreadPoolExecutor(AT_ONCE) as pool:
        wrong = [words for words in pool.map(lambda name: apart(name, directory), names or SITUATIONS) if words]
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
