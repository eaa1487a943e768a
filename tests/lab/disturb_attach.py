# SPDX-License-Identifier: GPL-2.0-or-later
"""`disturb_attach.py SECONDS`: attach to the writers' slow path and detach again, 20 times or more.

A walk holds a lock for long meanwhile, for which three tasks wait in that path. Each change
makes the kernel build a new trampoline; a task that is inside the old one then may leave without
running fexit programs (bpf_tramp_image_put, kernel/bpf/trampoline.c).
"""

from __future__ import annotations

import subprocess
import sys
import time

from second_tracer import SLOW_PATH, module

TIMES = 20
#: How long a walk aims to hold a lock, and from which CPUs tasks ask for it.
HELD_SECONDS = 2
WAITERS = (3, 5, 7)

if __name__ == "__main__":
    pause = float(sys.argv[1]) / (2 * TIMES)
    tracer = module()
    hold = ["./longhold", "law-held", str(HELD_SECONDS), *map(str, WAITERS)]
    holder = subprocess.Popen(hold, stdout=subprocess.DEVNULL)
    done = 0
    while done < TIMES or holder.poll() is None:
        for attach in (tracer.attach_kfunc, tracer.attach_kretfunc):
            kind = "kfunc" if attach == tracer.attach_kfunc else "kretfunc"
            attach(fn_name=f"{kind}__vmlinux__{SLOW_PATH}".encode())
        time.sleep(pause)
        tracer.detach_kfunc(fn_name=f"kfunc__vmlinux__{SLOW_PATH}".encode())
        tracer.detach_kretfunc(fn_name=f"kretfunc__vmlinux__{SLOW_PATH}".encode())
        time.sleep(pause)
        done += 1
    sys.exit(holder.wait())
