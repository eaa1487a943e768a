# SPDX-License-Identifier: GPL-2.0-or-later
"""An independent count of acquisitions: a bpftrace program of kprobes over the same span.

It finds an i_mmap lock by the kernel's own struct layout as bpftrace reads it from BTF, counts by
inode number and function, and shares no code with the agent. Where trees have locks it counts every
rwsem by address, and each insert says whose lock lies beside its tree.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

from tracing import LAYOUT

_FUNCTIONS = ("down_write", "down_read", "down_write_trylock", "down_read_trylock")

_OVER_THE_MAPPING = """
{probes} {{
  $mapping = arg0 - offsetof(struct address_space, i_mmap_rwsem);
  $host = ((struct address_space *)$mapping)->host;
  if ((uint64)$host + offsetof(struct inode, i_data) == $mapping) {{
    @asked[$host->i_ino, func] = count();
  }}
}}
"""
# The structs are those of the lab's own patches.
_OF_TREES = """
{probes} {{ @taken[arg0, func] = count(); }}
kprobe:vma_interval_tree_insert {{
  $tree = arg1 - offsetof(struct i_mmap_tree, root);
  $file = ((struct vm_area_struct *)arg0)->vm_file;
  @lock_of[$tree + offsetof(struct i_mmap_tree, rwsem)] = $file->f_mapping->host->i_ino;
}}
"""
# A walk takes the lock of every tree of a file, also of those that nothing was put into.
_OF_EVERY_TREE = """
kprobe:vma_interval_tree_insert {{
  $mapping = ((struct vm_area_struct *)arg0)->vm_file->f_mapping;
  $count = *(uint32 *)kaddr("nr_i_mmap_shards");
  $number = 0;
  unroll(32) {{
    if ($number < $count) {{
      $tree = *(uint64 *)((uint64)$mapping->i_mmap + 8 * $number);
      @lock_of[$tree + offsetof(struct i_mmap_tree, rwsem)] = $mapping->host->i_ino;
    }}
    $number = $number + 1;
  }}
}}
"""
_PARTS = {
    "split": (_OF_TREES, _OF_EVERY_TREE),
    "inverted": (_OVER_THE_MAPPING, _OF_TREES),
}
_BEGIN = 'BEGIN {{ printf("attached\\n"); }}'

_ASKED = re.compile(r"@asked\[(\d+), (\w+)\]: (\d+)")
_TAKEN = re.compile(r"@taken\[(-?\d+), (\w+)\]: (\d+)")
_LOCK_OF = re.compile(r"@lock_of\[(-?\d+)\]: (\d+)")


class Oracle:
    """bpftrace, running from construction until `stop`."""

    def __init__(self) -> None:
        program = Path("oracle.bt")
        probes = ",\n".join(f"kprobe:{function}" for function in _FUNCTIONS)
        parts = (_BEGIN, *_PARTS.get(LAYOUT, (_OVER_THE_MAPPING,)))
        program.write_text("".join(part.format(probes=probes) for part in parts))
        self._log = Path("oracle.log")
        self._process = subprocess.Popen(
            ["bpftrace", "-B", "none", str(program)],
            stdout=self._log.open("w"), stderr=subprocess.STDOUT,
            env={**os.environ, "BPFTRACE_MAX_MAP_KEYS": "262144"},
        )  # fmt: skip
        deadline = time.monotonic() + 120
        while "attached" not in self._log.read_text():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"bpftrace did not start: {self._log.read_text()}")
            time.sleep(0.2)

    def stop(self) -> dict[int, dict[str, int]]:
        """How often each function was asked for each inode's lock."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(timeout=120)
        text = self._log.read_text()
        asked: dict[int, dict[str, int]] = {}
        for number, function, count in _ASKED.findall(text):
            asked.setdefault(int(number), {})[function] = int(count)
        of_lock = dict(_LOCK_OF.findall(text))
        for lock, function, count in _TAKEN.findall(text):
            if lock in of_lock:
                by_function = asked.setdefault(int(of_lock[lock]), {})
                by_function[function] = by_function.get(function, 0) + int(count)
        return asked
