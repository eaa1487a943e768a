# SPDX-License-Identifier: GPL-2.0-or-later
"""Which kernel functions say why an i_mmap lock was asked for.

Read in 6.1, 6.12 and 7.3. Of each way in there is a function here that stays on the stack whatever
is inlined, and those beneath it for the callers that come in elsewhere (the ELF loader maps by
vm_mmap, mremap unmaps by do_munmap): the outermost decides, so what lies beneath never counts
where the way in is known. System call stubs are here only where they do the work themselves,
since a stub may leave by a jump.

What is not obvious:

- exec tears down the old address space itself, so that is exec and not exit. mmput() that drops
  the last reference is exit wherever it happens, a worker's mmput_async_fn included.
- exit of a forked child that could not be set up is fork; unmapping under MAP_FIXED is mmap, under
  mremap is mremap. remap_file_pages and shmat map (mmap), shmdt and a shrinking brk unmap.
- truncate is whatever takes pages of a file away: truncate, O_TRUNC, fallocate that punches or
  shifts, and the end of a deleted file at its last unlink, close or munmap (truncate_inode_pages*).
  MADV_REMOVE is madvise. Invalidation (direct I/O, network file systems) is other.
- Page faults, mlock, mbind, mseal, userfaultfd, uprobes, mm_take_all_locks, khugepaged, DAMON and
  memory failure have no word of their own: other.
- MADV_PAGEOUT and dropping slab caches are reclaim, fsync and msync are writeback.
"""

from immapscope.kernel.words import Cause

# From within, the outermost of these decides.
_ENTRIES = {
    Cause.EXEC: """
        bprm_execve do_execveat_common do_execve do_execveat kernel_execve
    """,
    Cause.FORK: "kernel_clone copy_process copy_mm dup_mm dup_mmap",
    Cause.EXIT: """
        do_exit do_group_exit exit_mm mmput __mmput mmput_async_fn exit_mmap
    """,
    Cause.MMAP: """
        ksys_mmap_pgoff vm_mmap_pgoff vm_mmap do_mmap mmap_region
    """,
    Cause.MUNMAP: """
        __vm_munmap vm_munmap do_munmap do_vmi_munmap do_vmi_align_munmap
        do_mas_munmap do_mas_align_munmap
    """,
    Cause.MPROTECT: "do_mprotect_pkey mprotect_fixup",
    Cause.MREMAP: "__x64_sys_mremap __ia32_sys_mremap __do_sys_mremap do_mremap mremap_to move_vma",
    Cause.MADVISE: """
        do_madvise madvise_do_behavior vector_madvise
        __x64_sys_process_madvise __ia32_sys_process_madvise __do_sys_process_madvise
    """,
    Cause.TRUNCATE: """
        do_truncate vfs_truncate do_ftruncate do_sys_ftruncate ksys_ftruncate vfs_fallocate
        truncate_setsize truncate_pagecache truncate_pagecache_range
        truncate_inode_pages truncate_inode_pages_range truncate_inode_pages_final
        shmem_truncate_range shmem_undo_range
        hugetlbfs_setattr hugetlbfs_fallocate hugetlbfs_evict_inode
    """,
}

# Any of these wins over every entry, and the later over the earlier: reclaim that an allocation
# starts within migration or writeback is reclaim, and so are the demotion (by migration) and the
# writing out that reclaim starts.
_OVERRIDES = {
    Cause.WRITEBACK: """
        folio_clear_dirty_for_io do_writepages dax_writeback_mapping_range
    """,
    Cause.MIGRATE: """
        migrate_pages migrate_pages_batch migrate_pages_sync unmap_and_move
        migrate_misplaced_page migrate_misplaced_folio
        migrate_vma_setup migrate_vma_pages migrate_vma_finalize
        migrate_device_range migrate_device_pages migrate_device_finalize migrate_device_unmap
    """,
    Cause.RECLAIM: """
        shrink_folio_list shrink_inactive_list shrink_active_list shrink_lruvec shrink_node
        shrink_one try_to_shrink_lruvec evict_folios shrink_slab do_shrink_slab
        balance_pgdat kswapd do_try_to_free_pages try_to_free_pages try_to_free_mem_cgroup_pages
        mem_cgroup_shrink_node node_reclaim __node_reclaim
        reclaim_pages reclaim_folio_list reclaim_clean_pages_from_list
    """,
}

ENTRY_RANK = 0

CAUSES: dict[str, tuple[Cause, int]] = {
    **{name: (cause, ENTRY_RANK) for cause, names in _ENTRIES.items() for name in names.split()},
    **{
        name: (cause, rank)
        for rank, (cause, names) in enumerate(_OVERRIDES.items(), ENTRY_RANK + 1)
        for name in names.split()
    },
}
"""The cause that a function on the stack stands for, and its rank: `ENTRY_RANK`, or more."""
