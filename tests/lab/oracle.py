# SPDX-License-Identifier: GPL-2.0-or-later
"""An independent count of acquisitions: a bpftrace program of kprobes over the same span.

It finds an i_mmap lock by the kernel's own struct layout as bpftrace reads it from BTF, counts by
inode number and function, and shares no code with the agent.
"""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path

_FUNCTIONS = ("down_write", "down_read", "down_write_trylock", "down_read_trylock")

_PROGRAM = """
BEGIN {{ printf("attached\\n"); }}
{probes} {{
  $mapping = arg0 - offsetof(struct address_space, i_mmap_rwsem);
  $host = ((struct address_space *)$mapping)->host;
  if ((uint64)$host + offsetof(struct inode, i_data) == $mapping) {{
    @asked[$host->i_ino, func] = count();
  }}
}}
"""

_LINE = re.compile(r"@asked\[(\d+), (\w+)\]: (\d+)")


class Oracle:
    """bpftrace, running from construction until `stop`."""

    def __init__(self) -> None:
        program = Path("oracle.bt")
        probes = ",\n".join(f"kprobe:{function}" for function in _FUNCTIONS)
        program.write_text(_PROGRAM.format(probes=probes))
        self._log = Path("oracle.log")
        self._process = subprocess.Popen(
            ["bpftrace", "-B", "none", str(program)],
            stdout=self._log.open("w"), stderr=subprocess.STDOUT,
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
        asked: dict[int, dict[str, int]] = {}
        for number, function, count in _LINE.findall(self._log.read_text()):
            asked.setdefault(int(number), {})[function] = int(count)
        return asked
