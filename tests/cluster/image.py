#!/usr/bin/env python3
"""Makes a container image (docker-archive tar, as of `docker save`) from files, without a registry or a daemon.

    image.py OUT.tar NAME:TAG [--entrypoint CMD ...] [--user UID[:GID]] [--libs] SRC:DST[:MODE] ...

SRC is a file, `link=TARGET` (a symbolic link) or `text=CONTENT`. With --libs the shared libraries of every
dynamically linked SRC, and its loader, go in at the same paths (so a Debian binary such as envoy or iptables runs).
The same input gives the same image ID.
"""
import argparse
import hashlib
import io
import json
import os
import platform
import re
import subprocess
import tarfile

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def libraries(binary):
    """Paths of the libraries and the loader that `binary` needs; none for a static one."""
    listing = subprocess.run(["ldd", binary], capture_output=True, text=True).stdout
    return re.findall(r"(/\S+) \(0x", listing)


class Layer:
    def __init__(self):
        self.buffer = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.buffer, mode="w")
        self.seen = set()
        for name in ("etc", "tmp", "proc", "sys", "dev"):
            self.directory(name)

    def directory(self, path):
        path = path.strip("/")
        if not path or path in self.seen:
            return
        self.directory(os.path.dirname(path))
        self.seen.add(path)
        entry = tarfile.TarInfo(path + "/")
        entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if path == "tmp" else 0o755
        self.tar.addfile(entry)

    def add(self, source, target, mode=0o755):
        target = target.lstrip("/")
        if target in self.seen:
            return
        self.directory(os.path.dirname(target))
        self.seen.add(target)
        entry = tarfile.TarInfo(target)
        entry.mode = mode
        if source.startswith("link="):
            entry.type, entry.linkname = tarfile.SYMTYPE, source[5:]
            self.tar.addfile(entry)
            return
        if source.startswith("text="):
            content = source[5:].encode()
        else:
            with open(source, "rb") as file:
                content = file.read()
        entry.size = len(content)
        self.tar.addfile(entry, io.BytesIO(content))

    def bytes(self):
        self.tar.close()
        return self.buffer.getvalue()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("out")
    arguments.add_argument("name")
    arguments.add_argument("--entrypoint", nargs="+", default=[])
    arguments.add_argument("--user", default="")
    arguments.add_argument("--libs", action="store_true")
    arguments.add_argument("--file", action="append", default=[], dest="more", help="SRC:DST[:MODE], as the others")
    arguments.add_argument("files", nargs="*")
    options = arguments.parse_args()

    layer = Layer()
    for spec in options.files + options.more:
        source, target, *mode = spec.rsplit(":", 2) if spec.count(":") > 1 and not spec.startswith("text=") else spec.rsplit(":", 1)
        layer.add(source, target, int(mode[0], 8) if mode else 0o755)
        if options.libs and os.path.isfile(source):
            for library in libraries(source):
                layer.add(library, library)
    content = layer.bytes()
    digest = hashlib.sha256(content).hexdigest()
    config = json.dumps({
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()), "os": "linux", "created": "1970-01-01T00:00:00Z",
        "config": {"Entrypoint": options.entrypoint, "User": options.user, "WorkingDir": "/",
                   "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest]},
        "history": [{"created_by": "image.py"}]}, sort_keys=True).encode()
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [options.name], "Layers": [digest + "/layer.tar"]}]).encode()
    with tarfile.open(options.out + ".new", "w") as out:
        for name, data in ((config_name, config), (digest + "/layer.tar", content), ("manifest.json", manifest)):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            out.addfile(entry, io.BytesIO(data))
    os.rename(options.out + ".new", options.out)


if __name__ == "__main__":
    main()
