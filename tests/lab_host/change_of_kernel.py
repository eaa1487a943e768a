# SPDX-License-Identifier: GPL-2.0-or-later
"""python3 -m tests.lab_host.change_of_kernel [DIR]: a host boots another kernel, and waits more.

The same load on `inverted`, on `split` and on `single`, one after the other, as one instance for a
real Prometheus on this machine. Every panel of the Shards dashboard has data of the first two; when
split becomes single the page for a regression comes, and the other dashboards have data of both.
With DIR the dashboards are drawn from these data into it, which needs matplotlib.
"""

from __future__ import annotations

import math
import socket
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dashboards.query import Prometheus, filled_in
from lab import monitoring
from tests.dashboards import boards
from tests.lab_host.regression import Guest, booted
from tests.lab_host.watch import Watch

_FILE: Final = {"file": "libhot.so", "instance": "guest"}
CAPTION: Final = "A guest of 4 nodes that booted split, then single, under one load."
#: With a tree for each CPU nobody would ever wait for the lock of a tree.
_MEETING: Final = "i_mmap_shards=hash:4"
#: What has no series there. A sweep takes the lock of every tree, as only the walkers of split do.
_LACKING: Final = {
    "inverted": ("immap_sweeps_total", "immap_sweep_wait_seconds_total"),
    "split": (),
}
#: Has no series before the first that `max_series` kept from being exposed.
_NOTHING_DROPPED: Final = "immap_dropped_series_total"
#: Seconds under each kernel: rate windows of half a minute, and a minute to be compared with.
_LONG_ENOUGH: Final = 150


def without_data(api: Prometheus, board: str, began: float, **choices: str) -> list[str]:
    """The panels of a dashboard that show nothing of the time since then."""
    choices = {"job": ".+", "instance": ".+", "file": "libhot.so", **choices}
    lacking = []
    whole = f"{time.time() - began:.0f}s"
    for panel in boards.panels(board):
        for target in panel["targets"]:
            expr = filled_in(target["expr"], choices, "30s", whole)
            found = api.range(expr, began + 60, time.time(), 5)
            values = [value for series in found for _, value in series.values]
            if not any(not math.isnan(value) for value in values):
                lacking.append(f"{panel['title']}: {target['refId']}: {expr}")
    return lacking


def release(api: Prometheus) -> str:
    """The kernel's that runs now."""
    (info,) = api.instant("immap_kernel_info")
    return info.labels["release"]


def layout(api: Prometheus) -> str:
    """The kernel's, as the agent tells it now."""
    (info,) = api.instant("immap_kernel_info")
    policy = info.labels.get("shard_policy")
    by = f" by {policy}" if policy else ""
    return f"{info.labels['layout']}, {info.labels['shards']}{by}"


def live(watch: Watch, guest: Guest, kernel: str) -> None:
    """Loads the guest until there is enough of it, and looks at every panel."""
    began = time.time()
    guest.phase("mappers")
    watch.calm(_FILE["file"], 300)
    # Once more from empty trees, now that each is known: so their mappings can be counted.
    guest.phase("mappers")
    calm = watch.calm(_FILE["file"], 60)
    time.sleep(max(0.0, began + _LONG_ENOUGH - time.time()))
    assert layout(watch.api).startswith(kernel), layout(watch.api)
    lacking = without_data(watch.api, "shards", began)
    expected = _LACKING[kernel]
    assert all(any(metric in one for metric in expected) for one in lacking), lacking
    assert all(any(metric in one for one in lacking) for metric in expected), lacking
    but = f" but of {', '.join(expected)}" if expected else ""
    say(
        f"{layout(watch.api)}: {1e6 * calm.cost:.0f} us a tree operation at "
        f"{calm.operations:.0f}/s; every panel has data{but}"
    )


def free_port() -> int:
    """One of this machine's loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def say(what: str) -> None:
    """Told as it comes: the whole takes ten minutes."""
    print(what, file=sys.stderr, flush=True)


def inverted(folder: Path, port: int) -> None:
    """Looks at the design that no other guest here has."""
    with (
        Watch(folder, f"127.0.0.1:{port}") as watch,
        booted("inverted", port, append=_MEETING) as guest,
    ):
        live(watch, guest, "inverted")


def changed(folder: Path, port: int, pictures: str | None) -> None:
    """One host that boots split, then single."""
    with Watch(folder, f"127.0.0.1:{port}") as watch:
        began = time.time()
        with booted("split", port) as guest:
            live(watch, guest, "split")
            assert not watch.pager.notices, watch.pager.notices
            before = release(watch.api)
        with booted("single", port) as guest:
            single = time.time()
            guest.phase("mappers")
            page = watch.fires("ImmapWaitRegressionCost", _FILE, 300)
            assert layout(watch.api).startswith("single"), layout(watch.api)
            say(f"paged: {page.annotations['summary']}")
            say(f"paged: {page.annotations['description']}")
            # The dashboard compares minutes, of which there are none if the page came at once.
            time.sleep(max(0.0, single + _LONG_ENOUGH - time.time()))
            sides = {"left_release": before, "right_release": release(watch.api)}
            for board in ("overview", "compare-kernels"):
                lacking = without_data(watch.api, board, began, **sides)
                assert all(_NOTHING_DROPPED in one for one in lacking), lacking
            say("every panel of the other dashboards has data of both kernels")
            if pictures:
                draw(watch.api, pictures, began, sides)


def main(pictures: str | None = None) -> int:
    """0 if all came as it should."""
    monitoring.folder()
    port = free_port()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        inverted(folder / "inverted", port)
        changed(folder / "changed", port, pictures)
    return 0


def draw(api: Prometheus, folder: str, began: float, sides: Mapping[str, str]) -> None:
    """Pictures of what Prometheus has since then."""
    from dashboards import pictures

    hours = (time.time() - began) / 3600
    choices = [word for side in sides.items() for word in ("--choose", "=".join(side))]
    words = [api.address, folder, "--hours", str(hours), "--step", "5", "--caption", CAPTION]
    pictures.main([*words, *choices], standalone_mode=False)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
