# SPDX-License-Identifier: GPL-2.0-or-later
"""What the recorded series are called: `LEVEL:WHAT:OPERATION`, LEVEL being their labels.

Every level has `job` as well. Shards, nodes and inodes are summed away, so that a file keeps its
series when an upgrade gives it another inode.
"""

from __future__ import annotations

from typing import Final

FILE_WAIT: Final = "instance_file:immap_wait_seconds:rate"
FILE_OPERATIONS: Final = "instance_file:immap_tree_operations:rate"
FILE_SHARD_WAIT: Final = "instance_file_shard:immap_wait_seconds:rate"
#: Seconds waited for each tree operation; only while the file is busy.
FILE_COST: Final = "instance_file:immap_wait_per_tree_operation:seconds"

#: When a new normal was accepted, in seconds since 1970; `accepted` has it in words.
FILE_ACCEPTED: Final = "instance_file:immap_accepted:since"
#: 1 for each file, with the kernel `release` and the new normal (`accepted`) that hold now.
FILE_ERA: Final = "instance_file:immap_era:info"
#: When this kernel release last ran, in seconds since 1970.
RELEASE_SEEN: Final = "instance_release:immap_kernel:seen"

#: Above its baseline, at equal load or at a higher one; the value is the wait per tree operation.
FILE_WORSE_COST: Final = "instance_file:immap_wait_regression:cost"
FILE_WORSE_LOAD: Final = "instance_file:immap_wait_regression:load"

INSTANCE_EVENTS: Final = "instance:immap_events:rate"

FLEET_WAIT: Final = "job_file:immap_wait_seconds:rate"
FLEET_OPERATIONS: Final = "job_file:immap_tree_operations:rate"
FLEET_COST: Final = "job_file:immap_wait_per_tree_operation:seconds"
FLEET_RELEASE_COST: Final = "job_release_file:immap_wait_per_tree_operation:seconds"
FLEET_HOSTS: Final = "job_release:immap_hosts:count"

#: Events that are missing for certain. The kernel skips programs for other locks as well, so what
#: recursion* counts is only an upper bound; of what stack_* counts the wait is there.
MISSING: Final = 'reason!~"recursion.*|stack_.*"'
LOST: Final = f"immap_lost_events_total{{{MISSING}}}"


class Past:
    """The series that lead from one quantity of a file to its baselines.

    `what` is the middle of their names: `immap_wait_per_tree_operation`, or the rate of operations.
    """

    def __init__(self, what: str) -> None:
        #: A sample for each evaluation in which the file was busy and nothing was wrong.
        self.calm = f"instance_file:{what}:calm"
        #: The same, each kernel release for itself, and the median of that.
        self.release_calm = f"instance_file_release:{what}:calm"
        self.release_median = f"instance_file_release:{what}:median"
        #: The median of the last days; it stands still while the alert's condition holds.
        self.recent = f"instance_file:{what}:recent"
        #: The median under the kernel release before this one (`previous`).
        self.previous_release = f"instance_file:{what}:previous_release"
        #: Both of these, told apart by `against`, where they hold for the file as it is now.
        self.baseline = f"instance_file:{what}:baseline"


COST: Final = Past("immap_wait_per_tree_operation")
OPERATIONS: Final = Past("immap_tree_operations")
