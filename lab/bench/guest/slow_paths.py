# SPDX-License-Identifier: GPL-2.0-or-later
"""What there is to be seen of one lock's waits: a program of bpftrace's own, beside any tool.

It counts the slow paths' entries and returns for that lock alone: waits, those of them that ended
while spinning, and what a tool on lock:contention_begin and _end has. It shares no code with ours.
"""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from processes import bpftrace

_SLOW_PATHS = ("rwsem_down_write_slowpath", "rwsem_down_read_slowpath")
#: Without a file name: an address is all that tells one lock from another here.
_WAITS = (
    'BEGIN { printf("attached\\n"); }'
    + "".join(
        f"""
fentry:{path} /(int64)args.sem == LOCK/ {{ @in[tid] = nsecs; }}
fexit:{path} /@in[tid]/ {{
  $took = nsecs - @in[tid];
  @waits = count(); @wait_ns = sum($took); @longest_ns = max($took);
  if (!@queued[tid]) {{ @spun = count(); @spun_ns = sum($took); }}
  delete(@in[tid]); delete(@queued[tid]);
}}
"""
        for path in _SLOW_PATHS
    )
    + """
tracepoint:lock:contention_begin /@in[tid] && (int64)args.lock_addr == LOCK/ {
  @queued[tid] = nsecs;
}
tracepoint:lock:contention_end /@queued[tid] && (int64)args.lock_addr == LOCK/ {
  @seen = count(); @seen_ns = sum(nsecs - @queued[tid]);
}
"""
)
_LOCK = """
kprobe:vma_interval_tree_insert {
  $mapping = ((struct vm_area_struct *)arg0)->vm_file->f_mapping;
  if ($mapping->host->i_ino == INODE) {
    printf("lock %lu\\n", (uint64)$mapping + offsetof(struct address_space, i_mmap_rwsem));
    exit();
  }
}
"""
LOG = Path("slow_paths.log")


@contextmanager
def counted(lock: int) -> Iterator[dict[str, int]]:
    """Of the lock at this address; the dictionary is filled at the end. Raises RuntimeError."""
    found: dict[str, int] = {}
    program = _WAITS.replace("LOCK", str(lock - (1 << 64)))
    with LOG.open("wb") as log:
        process = subprocess.Popen(bpftrace(program), stdout=log, stderr=subprocess.STDOUT)
    while "attached" not in LOG.read_text():
        if process.poll() is not None:
            raise RuntimeError(LOG.read_text())
        time.sleep(0.2)
    try:
        yield found
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(120)
        text = LOG.read_text()
        found |= {
            name: int(value) for name, value in re.findall(r"^@(\w+): (\d+)$", text, re.MULTILINE)
        }


def lock_of(file: Path) -> int:
    """The address of the file's i_mmap_rwsem, which stays while the file is open.

    Raises RuntimeError where no mapping of it was seen, CalledProcessError where it is not mapped.
    """
    program = _LOCK.replace("INODE", str(file.stat().st_ino))
    with subprocess.Popen(bpftrace(program), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while process.poll() is None:
            subprocess.run(["./treeops", "0", str(file), "map", "1"], check=True)
            time.sleep(0.5)
        found = re.search(r"^lock (\d+)$", process.stdout.read(), re.MULTILINE)
    if found is None:
        raise RuntimeError("no mapping of the file was seen")
    return int(found[1])
