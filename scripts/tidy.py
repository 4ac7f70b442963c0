"""Runs clang-tidy on every target, and remembers what it found nothing in. scripts/lint tidy runs it.

A target is one file that includes its sources (the preset `lint`), as its headers take most of the time to parse. The
verdict "no finding" is kept under $XDG_CACHE_HOME/duet/tidy and holds as long as the clang-tidy, its configuration, the
compile command and every file that the target includes are the same. Paths in the repository are kept relative, so
that a verdict holds in every copy of it.

Fails too when a C++ file of the repository is in no target: nothing would judge it.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TREE = ROOT / "build" / "lint"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "duet" / "tidy"
KEPT_DAYS = 30
KEPT_VERDICTS = 16  # of one target

# What is not shipped is more than half of the code. It is checked for names, unused things and moves alone.
NOT_SHIPPED = ("tests", "bench", "fuzz")
FEWER_CHECKS = (
    "-checks=-bugprone-*,-performance-*,-modernize-*,"
    "bugprone-use-after-move,performance-move-const-arg,performance-for-range-copy"
)
NO_SOURCES = {".git", "build", "node_modules"}


def relative(text):
    """The text with the place of this copy of the repository left out."""
    return text.replace(str(ROOT), "@")


hashes = {}


def hash_of(path):
    """The hash of a file's content, "" when there is none. Each file is read once."""
    if path not in hashes:
        try:
            content = (ROOT / path).read_bytes()
        except OSError:
            return ""
        if str(path).startswith("build/"):  # made by CMake, with absolute paths in it
            content = relative(content.decode()).encode()
        hashes[path] = hashlib.sha256(content).hexdigest()
    return hashes[path]


class Target:
    """One file that clang-tidy parses."""

    def __init__(self, entry, tool):
        self.file = entry["file"]
        self.name = os.path.relpath(self.file, ROOT)
        self.directory = entry["directory"]
        words = [word for word in shlex.split(entry["command"]) if not word.endswith("ccache")]
        output = words.index("-o")
        self.command = words[1:output] + words[output + 2 :]
        below = pathlib.Path(self.name).parts
        shipped = below[2 if below[:2] == ("build", "lint") else 0] not in NOT_SHIPPED
        self.options = [] if shipped else [FEWER_CHECKS]
        key = "\n".join([tool, self.name, relative(" ".join(self.command)), *self.options])
        self.record = CACHE / hashlib.sha256(key.encode()).hexdigest()
        self.files = None

    def known_clean(self):
        """Whether it is as it was when clang-tidy found nothing in it. Then self.files is what it includes."""
        try:
            verdicts = json.loads(self.record.read_text())
        except (OSError, ValueError):
            return False
        for files in verdicts:
            if all(hash_of(path) == digest for path, digest in files.items()):
                self.files = files
                os.utime(self.record)
                return True
        return False

    def included(self):
        """Every file that it includes, itself too: relative to the repository or, outside of it, absolute."""
        rules = subprocess.run(
            ["clang++-14", *self.command, "-M", "-w"], cwd=self.directory, check=True, capture_output=True, text=True
        ).stdout
        paths = shlex.split(rules.replace("\\\n", " "))[1:]
        absolute = (os.path.normpath(os.path.join(self.directory, path)) for path in paths)
        prefix = str(ROOT) + os.sep
        return sorted({path.removeprefix(prefix) for path in absolute})

    def judge(self):
        """Runs clang-tidy. Returns its complaints, "" for none."""
        try:
            self.files = {path: hash_of(path) for path in self.included()}
        except subprocess.CalledProcessError as error:
            return f"{self.name} does not compile:\n{error.stderr}"
        run = subprocess.run(
            ["clang-tidy", "-quiet", "-p", str(TREE), *self.options, self.file], capture_output=True, text=True
        )
        if run.returncode != 0:
            return run.stdout + run.stderr
        self.remember()
        return ""

    def remember(self):
        try:
            verdicts = json.loads(self.record.read_text())[: KEPT_VERDICTS - 1]
        except (OSError, ValueError):
            verdicts = []
        temporary = self.record.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps([self.files, *verdicts]))
        temporary.replace(self.record)


def forget_old():
    oldest = time.time() - KEPT_DAYS * 86400
    for record in CACHE.iterdir():
        if record.stat().st_mtime < oldest:
            record.unlink(missing_ok=True)


def sources():
    """Every C++ file of the repository, relative to it."""
    for directory, folders, files in os.walk(ROOT):
        folders[:] = [folder for folder in folders if folder not in NO_SOURCES]
        for file in files:
            if re.search(r"\.(h|cpp)$", file):
                yield os.path.relpath(os.path.join(directory, file), ROOT)


def main():
    CACHE.mkdir(parents=True, exist_ok=True)
    forget_old()
    version = subprocess.run(["clang-tidy", "--version"], check=True, capture_output=True, text=True).stdout
    tool = re.search(r"version \S+", version)[0] + hash_of(".clang-tidy")
    entries = json.loads((TREE / "compile_commands.json").read_text())
    targets = [Target(entry, tool) for entry in entries]
    to_judge = [target for target in targets if not target.known_clean()]
    print(f"clang-tidy: {len(targets)} targets, {len(targets) - len(to_judge)} of them known to be clean", flush=True)
    failed = False
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        running = {pool.submit(target.judge): target for target in to_judge}
        for done in concurrent.futures.as_completed(running):
            complaints = done.result()
            print(f"{'FOUND' if complaints else 'clean'} {running[done].name}", flush=True)
            if complaints:
                failed = True
                print(complaints, flush=True)
    judged = set().union(*(target.files or () for target in targets))
    for file in sorted(set(sources()) - judged):
        failed = True
        print(f"{file}: no target includes it, so that clang-tidy never judges it")
    return 1 if failed else 0


sys.exit(main())
