#!/usr/bin/python3
"""`make package-test`: the package and the image's steps in a bare Debian 12, without a container engine. Root, some two minutes.

A root made by debootstrap takes the steps of the last stage of deploy/Dockerfile; then the services of deploy/compose.yaml run in it with their
own commands, environment and health checks (service names are loopback there), redis-server and postgresql from Debian, and squadload's
command with a short scenario. Ends with 0 when every step held. The root is removed; set ROOT=DIR to keep one and use it again.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parent.parent
SERVICES = yaml.safe_load((PROJECT / "deploy/compose.yaml").read_text())["services"]


def say(text):
    print(f"package: {text}", flush=True)


def fail(text):
    sys.exit(f"package: {text}")


def mirror():
    """The one this machine takes its packages from."""
    for file in [*Path("/etc/apt/sources.list.d").glob("*.sources"), Path("/etc/apt/sources.list")]:
        if file.is_file() and (found := re.search(r"^(?:URIs:\s*|deb (?:\[.*?\] )?)(https?://\S+/debian/?)\s*", file.read_text(), re.M)):
            return found[1]
    return "http://deb.debian.org/debian"


class Root:
    """A bare Debian 12 and what runs in it."""

    def __init__(self, folder):
        self.folder = folder
        self.user = "root"
        self.running = []
        if not (folder / "etc/debian_version").is_file():
            say("debootstrap")
            self.host("debootstrap", "--variant=minbase", "bookworm", folder, mirror())
        (folder / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")  # packages start nothing
        (folder / "usr/sbin/policy-rc.d").chmod(0o755)
        (folder / "etc/hosts").write_text("127.0.0.1 localhost " + " ".join(SERVICES) + "\n")
        if Path("/etc/resolv.conf").is_file():
            shutil.copy("/etc/resolv.conf", folder / "etc/resolv.conf")
        for source, kind in (("proc", ["-t", "proc"]), ("/dev", ["--rbind"])):
            self.host("mount", *kind, source, folder / Path(source).name)

    @staticmethod
    def host(*command):
        done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            fail(f"{command[0]} ended with {done.returncode}:\n{done.stdout[-3000:]}")

    def command(self, words, user=None, environment=()):
        return ["chroot", f"--userspec={user or self.user}", str(self.folder), "/usr/bin/env", "-i", "-C", "/work" if (self.folder / "work").is_dir() else "/",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "LANG=C.UTF-8",
                *[f"{k}={v}" for k, v in os.environ.items() if k.lower().endswith("_proxy")], *environment, *map(str, words)]

    def run(self, *words, user=None, environment=(), good=(0,)):
        done = subprocess.run(self.command(words, user, environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode not in good:
            fail(f"{shlex.join(map(str, words))} ended with {done.returncode}:\n{done.stdout[-3000:]}")
        return done.stdout

    def start(self, name, words, environment=(), user=None):
        log = (self.folder / f"tmp/{name}.log").open("w")
        self.running.append((name, subprocess.Popen(self.command(words, user, environment), stdout=log, stderr=log, start_new_session=True)))

    def await_healthy(self, name, words, user=None):
        for _ in range(100):
            if subprocess.run(self.command(words, user), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0:
                return
            time.sleep(0.1)
        fail(f"{name} is not healthy:\n{(self.folder / f'tmp/{name}.log').read_text()[-3000:]}")

    def stop(self):
        for name, process in reversed(self.running):
            try:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(20)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                process.kill()
                fail(f"{name} did not end on SIGTERM")


def image_steps(root, package):
    """The last stage of the Dockerfile, instruction by instruction."""
    root.run("sh", "-c", "userdel -r squad 2>/dev/null; rm -rf /work", good=(0, 1, 6))  # of a root that was kept
    stage = (PROJECT / "deploy/Dockerfile").read_text().split("\nFROM ")[-1]
    for line in stage.splitlines()[1:]:
        word, _, rest = line.partition(" ")
        if word == "COPY":
            shutil.copy(package, root.folder / rest.split()[-1].strip("/"))
        elif word == "RUN":
            say(f"RUN {rest[:70]}…")
            root.run("sh", "-c", rest, user="root")
        elif word == "USER":
            root.user = rest
        elif word not in ("", "WORKDIR", "ENTRYPOINT", "CMD"):
            fail(f"deploy/Dockerfile: {word} is not known here")
    uid = root.run("id", "-u").strip()
    if uid == "0":
        fail("the image runs as root")


def environment_of(service):
    given = service.get("environment", {})
    return [f"{k}={v}" for k, v in given.items()] if isinstance(given, dict) else []


def stores(root):
    """redis-server and postgresql of Debian in place of their images."""
    say("redis-server and postgresql")
    root.run("sh", "-c", "apt-get update && apt-get install -y --no-install-recommends redis-server postgresql", user="root")
    root.start("redis", SERVICES["redis"]["command"], user="redis")
    root.await_healthy("redis", SERVICES["redis"]["healthcheck"]["test"][1:])
    e = SERVICES["postgres"]["environment"]
    data = "/tmp/postgres"
    binaries = root.run("sh", "-c", "ls -d /usr/lib/postgresql/*/bin").strip()
    root.run("sh", "-c", f"rm -rf {data}; {binaries}/initdb -D {data} -U {e['POSTGRES_USER']} --auth=trust -E UTF8", user="postgres")
    root.start("postgres", [f"{binaries}/postgres", "-D", data, "-k", "/tmp", "-h", "127.0.0.1"], user="postgres")
    root.await_healthy("postgres", [f"{binaries}/pg_isready", "-h", "127.0.0.1"])
    root.run("sh", "-c", f"{binaries}/createdb -h 127.0.0.1 -U {e['POSTGRES_USER']} {e['POSTGRES_DB']} || true")


def installed(root):
    """What the package promises."""
    for program in ("squadload", "squad-api", "squad-providers"):
        root.run(program, "--help")
        if not (root.folder / f"usr/share/man/man1/{program}.1.gz").is_file():
            fail(f"{program} has no man page")
    say(root.run("squadload", "--version").strip())
    if "warm_up" not in root.run("squadload", "list"):
        fail("squadload list does not find the installed configuration")
    root.run("bash", "-c", "source /usr/share/bash-completion/completions/squadload && complete -p squadload")
    down = root.run("squadload", "run", "http://127.0.0.1:1/", "-n", "1", good=(3,))
    say(f"a target that is down: {down.strip().splitlines()[-1]}")


def stack(root):
    stores(root)
    for name in ("squad-providers", "squad-api"):
        service = SERVICES[name]
        root.start(name, service["command"], environment_of(service))
        root.await_healthy(name, service["healthcheck"]["test"][1:])
        say(f"{name} is healthy")
    words = [("warm_up" if w == "spike" else w) for w in SERVICES["squadload"]["command"]]
    out = root.run(*words, "--duration", "10s", "--quiet")
    say(out.splitlines()[0])
    files = sorted(p.name for p in (root.folder / "work/reports").iterdir())
    if not any(f.endswith(".html") for f in files) or not any(f.endswith(".json") for f in files):
        fail(f"no reports: {files}")
    root.run("sh", "-c", "psql -h 127.0.0.1 -U squad squad -Atc 'select count(*) from pg_tables where schemaname = $$public$$' | grep -qv '^0$'")


def main():
    packages = sorted((PROJECT / "build/package").glob("squadload_*.deb"))
    if not packages:
        fail("there is no package: make package")
    if os.geteuid() != 0:
        fail("this needs root, for debootstrap and chroot")
    if os.environ.get("SQUADLOAD_OWN_MOUNTS") is None:  # what is mounted goes with this process
        os.execvpe("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, __file__], os.environ | {"SQUADLOAD_OWN_MOUNTS": "1"})
    kept = os.environ.get("ROOT")
    folder = Path(kept or tempfile.mkdtemp(prefix="squadload-root."))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    root = Root(folder)
    try:
        image_steps(root, packages[-1])
        installed(root)
        stack(root)
        root.stop()
        root.run("apt-get", "remove", "-y", "squadload", user="root")
        say("passed")
    finally:
        for _, process in root.running:
            if process.poll() is None:
                process.kill()
        if kept is None:
            subprocess.run(["umount", "-lR", str(folder / "dev"), str(folder / "proc")], stderr=subprocess.DEVNULL, check=False)
            if not os.path.ismount(folder / "dev"):
                shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
