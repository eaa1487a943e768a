# SPDX-License-Identifier: GPL-2.0-or-later
"""The dashboard "Shards": how a split i_mmap spreads its waiting over shards and nodes."""

from __future__ import annotations

from dashboards.panels import Query, bands, lines, matrix
from dashboards.shared import (
    FILES,
    NUMBER,
    PER_SECOND,
    SECONDS,
    SHARE,
    TIMES,
    Panel,
    board,
    rate,
    rows,
    summed,
    text,
)
from dashboards.thresholds import Thresholds

_WAIT = "immap_wait_seconds_total"
_OF_SHARDS = f'{FILES}, shard!=""'


def render(thresholds: Thresholds) -> str:
    """grafana/shards.json."""
    shards = board(
        "Shards",
        "immapscope-shards",
        "How the waiting of a file spreads over the shards of its tree and over NUMA nodes. Choose"
        " one file and one host. With one tree a file (layout single) there is shard 0 alone.",
    )
    return text(
        rows(
            shards,
            {
                "Node and shard": _node_and_shard(),
                "Balance": _balance(thresholds),
                "Behind whom": _holders(),
                "Sweeps": _sweeps(thresholds),
            },
        )
    )


def _node_and_shard() -> list[Panel]:
    return [
        matrix(
            "Tasks waiting: node by shard",
            NUMBER,
            "Rows are the nodes that asked, columns the shards they waited for. A diagonal: each"
            " node uses its own shard. A column: one shard is hot. A row: one node pays. Without a"
            " shard: a lock over the whole mapping.",
            summed(_WAIT, "node, shard"),
            "node",
            "shard",
        ),
        bands(
            "Tasks waiting, by shard",
            NUMBER,
            "Each band is a shard, its colour how many tasks waited for it at the time. A band that"
            " stays dark while the others are bright is a hot shard; dark moving about is load.",
            Query(summed(_WAIT, "shard", _OF_SHARDS), "shard {{shard}}"),
        ),
    ]


def _balance(thresholds: Thresholds) -> list[Panel]:
    hot = thresholds.hot_shard
    by_shard = summed(_WAIT, "instance, file, shard", _OF_SHARDS)
    return [
        lines(
            "Imbalance of the waiting",
            TIMES,
            "The hottest shard of a file against the mean of its shards that were waited for. 1 is"
            " even; the number of shards is as uneven as can be, all waiting on one. The alert"
            f" ImmapShardHot fires when one shard has {hot.share:.0%} of the waiting.",
            Query(
                f"topk(10, max by (instance, file) ({by_shard})\n"
                f"/ (avg by (instance, file) ({by_shard}) > 0))",
                "{{file}} on {{instance}}",
            ),
        ),
        lines(
            "Each wait, by shard",
            SECONDS,
            "How long those who had to wait did. Shards that differ here though they have equal"
            " load have holders who keep them longer.",
            Query(
                f"{summed(_WAIT, 'shard', _OF_SHARDS)}\n"
                f"/ ({summed('immap_contended_total', 'shard', _OF_SHARDS)} > 0)",
                "shard {{shard}}",
            ),
        ),
        lines(
            "Tree operations, by shard",
            PER_SECOND,
            "How the sharding policy spreads the load itself. Even here and uneven in the waiting:"
            " not the policy, but how long the lock is held.",
            Query(summed("immap_tree_operations_total", "shard"), "shard {{shard}}"),
            stacked=True,
        ),
        lines(
            "Mappings, by shard",
            NUMBER,
            "VMAs in each tree, where they could be counted from none on. Deep trees make each"
            " operation slower; a fork puts the child's mapping into the parent's shard.",
            Query(f"sum by (shard) (immap_shard_vmas{{{FILES}}})", "shard {{shard}}"),
            stacked=True,
        ),
    ]


def _holders() -> list[Panel]:
    held = "immap_waits_by_holder_total"
    return [
        matrix(
            "Waits: node that waited by node of the writer that had the lock",
            PER_SECOND,
            "Rows waited, columns had the lock when the wait began. Numbers off the diagonal are"
            " waits behind another node. Without a column: a reader, or not known.",
            summed(held, "node, holder_node"),
            "node",
            "holder_node",
        ),
        lines(
            "Waits behind a writer, by its node",
            PER_SECOND,
            "Which nodes are waited for. One that stands out holds the lock longer, or is preferred"
            " when the lock is handed over.",
            Query(
                summed(held, "holder_node", f'{FILES}, holder_node!=""'),
                "node {{holder_node}}",
            ),
            stacked=True,
        ),
    ]


def _sweeps(thresholds: Thresholds) -> list[Panel]:
    wait = rate("immap_sweep_wait_seconds_total")
    return [
        lines(
            "Sweeps",
            PER_SECOND,
            "Paths that took the lock of every shard in turn (reverse map, truncate, hole punch),"
            " each counted once, by file.",
            Query(f"topk(10, {summed('immap_sweeps_total', 'file')})", "{{file}}"),
            span=8,
        ),
        lines(
            "Each sweep",
            SECONDS,
            "Time that one sweep waited, over all its shards. It grows with the number of shards:"
            " the price of splitting.",
            Query(
                f"sum by (file) ({wait})\n/ ({summed('immap_sweeps_total', 'file')} > 0)",
                "{{file}}",
            ),
            span=8,
        ),
        lines(
            "Part of the waiting that is in sweeps",
            SHARE,
            "Of all waiting of a file. Above"
            f" {thresholds.sweeps.share:.0%} the alert ImmapSweepsDominate fires: more shards would"
            " make it worse.",
            Query(
                f"sum by (file) ({wait})\n/ ({summed(_WAIT, 'file')} > 0)",
                "{{file}}",
            ),
            span=8,
        ),
    ]
