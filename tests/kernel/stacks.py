# SPDX-License-Identifier: GPL-2.0-or-later
"""Stacks of i_mmap lock waits, and what they are to be called."""

from immapscope.kernel.words import Cause, Operation

SYSCALL = "do_syscall_64 entry_SYSCALL_64_after_hwframe"
KTHREAD = "kthread ret_from_fork ret_from_fork_asm"
SLOW = "rwsem_down_write_slowpath down_write"
SLOW_READ = "rwsem_down_read_slowpath down_read"

# (what it is, the stack from the lock outwards, operation, cause). Stacks of 6.1, 6.12 and 7.3 as
# GCC leaves them in Debian's kernels, and some that it might.
STACKS = [
    (
        "6.1: mmap of a file",
        f"{SLOW} mmap_region do_mmap vm_mmap_pgoff ksys_mmap_pgoff {SYSCALL}",
        Operation.INSERT,
        Cause.MMAP,
    ),
    (
        "6.1: mmap that grows its neighbour",
        f"{SLOW} vma_expand mmap_region do_mmap vm_mmap_pgoff ksys_mmap_pgoff {SYSCALL}",
        Operation.ADJUST,
        Cause.MMAP,
    ),
    (
        "6.12: mmap of a file",
        f"{SLOW} vma_link_file __mmap_region mmap_region do_mmap vm_mmap_pgoff {SYSCALL}",
        Operation.INSERT,
        Cause.MMAP,
    ),
    (
        "7.3: mmap of a file, vma_link_file folded in",
        f"{SLOW} __mmap_region mmap_region do_mmap vm_mmap_pgoff ksys_mmap_pgoff {SYSCALL}",
        Operation.INSERT,
        Cause.MMAP,
    ),
    (
        "7.3: mmap, nothing folded in",
        f"{SLOW} vma_link_file __mmap_new_vma __mmap_region mmap_region do_mmap {SYSCALL}",
        Operation.INSERT,
        Cause.MMAP,
    ),
    (
        "7.3: mmap that merges",
        f"{SLOW} vma_prepare commit_merge vma_expand vma_merge_new_range __mmap_region "
        f"mmap_region do_mmap vm_mmap_pgoff {SYSCALL}",
        Operation.ADJUST,
        Cause.MMAP,
    ),
    (
        "6.1: MAP_FIXED over an old mapping, cut in the middle",
        f"{SLOW} __vma_adjust __split_vma do_mas_align_munmap mmap_region do_mmap "
        f"vm_mmap_pgoff ksys_mmap_pgoff {SYSCALL}",
        Operation.ADJUST,
        Cause.MMAP,
    ),
    (
        "6.1: MAP_FIXED over an old mapping, the whole of it",
        f"{SLOW} unlink_file_vma free_pgtables unmap_region do_mas_align_munmap mmap_region "
        f"do_mmap vm_mmap_pgoff ksys_mmap_pgoff {SYSCALL}",
        Operation.REMOVE,
        Cause.MMAP,
    ),
    (
        "6.12: MAP_FIXED over an old mapping, cut in the middle",
        f"{SLOW} vma_prepare __split_vma vms_gather_munmap_vmas __mmap_region mmap_region "
        f"do_mmap vm_mmap_pgoff {SYSCALL}",
        Operation.ADJUST,
        Cause.MMAP,
    ),
    (
        "6.12: MAP_FIXED over an old mapping, the whole of it",
        f"{SLOW} unlink_file_vma_batch_final free_pgtables vms_clear_ptes __mmap_region "
        f"mmap_region do_mmap vm_mmap_pgoff {SYSCALL}",
        Operation.REMOVE,
        Cause.MMAP,
    ),
    (
        "SysV shared memory attached",
        f"{SLOW} vma_link_file __mmap_region mmap_region do_mmap do_shmat __x64_sys_shmat "
        f"{SYSCALL}",
        Operation.INSERT,
        Cause.MMAP,
    ),
    (
        "SysV shared memory detached",
        f"{SLOW} unlink_file_vma_batch_process unlink_file_vma_batch_final free_pgtables "
        f"vms_clear_ptes do_vmi_align_munmap ksys_shmdt {SYSCALL}",
        Operation.REMOVE,
        Cause.MUNMAP,
    ),
    (
        "remap_file_pages",
        f"{SLOW} unlink_file_vma free_pgtables unmap_region do_mas_align_munmap mmap_region "
        f"do_mmap __do_sys_remap_file_pages {SYSCALL}",
        Operation.REMOVE,
        Cause.MMAP,
    ),
    (
        "6.1: munmap",
        f"{SLOW} unlink_file_vma free_pgtables unmap_region do_mas_align_munmap __vm_munmap "
        f"__x64_sys_munmap {SYSCALL}",
        Operation.REMOVE,
        Cause.MUNMAP,
    ),
    (
        "6.12: munmap",
        f"{SLOW} unlink_file_vma_batch_final free_pgtables vms_clear_ptes "
        f"vms_complete_munmap_vmas do_vmi_align_munmap do_vmi_munmap __vm_munmap {SYSCALL}",
        Operation.REMOVE,
        Cause.MUNMAP,
    ),
    (
        "7.3: munmap, the last function left by a jump",
        f"{SLOW} unlink_file_vma_batch_process free_pgtables vms_clear_ptes "
        f"vms_complete_munmap_vmas do_vmi_align_munmap __vm_munmap {SYSCALL}",
        Operation.REMOVE,
        Cause.MUNMAP,
    ),
    (
        "6.12: munmap in the middle",
        f"{SLOW} vma_prepare __split_vma vms_gather_munmap_vmas do_vmi_align_munmap "
        f"do_vmi_munmap __vm_munmap __x64_sys_munmap {SYSCALL}",
        Operation.ADJUST,
        Cause.MUNMAP,
    ),
    (
        "munmap in the middle, everything folded in",
        f"{SLOW} do_vmi_align_munmap __vm_munmap {SYSCALL}",
        Operation.ADJUST,
        Cause.MUNMAP,
    ),
    (
        "6.1: mprotect in the middle",
        f"{SLOW} __vma_adjust __split_vma mprotect_fixup do_mprotect_pkey __x64_sys_mprotect "
        f"{SYSCALL}",
        Operation.ADJUST,
        Cause.MPROTECT,
    ),
    (
        "6.1: mprotect that merges again",
        f"{SLOW} __vma_adjust vma_merge mprotect_fixup do_mprotect_pkey {SYSCALL}",
        Operation.ADJUST,
        Cause.MPROTECT,
    ),
    (
        "7.3: mprotect in the middle",
        f"{SLOW} vma_prepare __split_vma vma_modify vma_modify_flags mprotect_fixup "
        f"do_mprotect_pkey __x64_sys_mprotect {SYSCALL}",
        Operation.ADJUST,
        Cause.MPROTECT,
    ),
    (
        "mprotect of a hugetlb mapping",
        f"{SLOW} hugetlb_change_protection change_protection mprotect_fixup do_mprotect_pkey "
        f"{SYSCALL}",
        Operation.WALK,
        Cause.MPROTECT,
    ),
    (
        "6.1: mremap that moves: the new mapping",
        f"{SLOW} vma_link copy_vma move_vma __do_sys_mremap {SYSCALL}",
        Operation.INSERT,
        Cause.MREMAP,
    ),
    (
        "6.1: mremap that moves: the page tables",
        f"{SLOW} move_page_tables move_vma.constprop.0 __do_sys_mremap {SYSCALL}",
        Operation.WALK,
        Cause.MREMAP,
    ),
    (
        "6.1: mremap that moves: the old mapping",
        f"{SLOW} unlink_file_vma free_pgtables unmap_region do_mas_align_munmap do_munmap "
        f"move_vma __do_sys_mremap {SYSCALL}",
        Operation.REMOVE,
        Cause.MREMAP,
    ),
    (
        "7.3: mremap that moves: the new mapping",
        f"{SLOW} vma_link copy_vma copy_vma_and_data move_vma mremap_to do_mremap {SYSCALL}",
        Operation.INSERT,
        Cause.MREMAP,
    ),
    (
        "7.3: mremap of a hugetlb mapping",
        f"{SLOW} fixup_hugetlb_reservations copy_vma copy_vma_and_data move_vma do_mremap "
        f"{SYSCALL}",
        Operation.WALK,
        Cause.MREMAP,
    ),
    (
        "mremap that shrinks",
        f"{SLOW} vma_prepare __split_vma vms_gather_munmap_vmas do_vmi_align_munmap "
        f"do_vmi_munmap __do_sys_mremap {SYSCALL}",
        Operation.ADJUST,
        Cause.MREMAP,
    ),
    (
        "6.1: fork",
        f"{SLOW} dup_mmap copy_process kernel_clone __do_sys_clone {SYSCALL}",
        Operation.INSERT_AFTER,
        Cause.FORK,
    ),
    (
        "6.12: fork, dup_mmap folded into copy_process",
        f"{SLOW} copy_process kernel_clone __do_sys_clone3 {SYSCALL}",
        Operation.INSERT_AFTER,
        Cause.FORK,
    ),
    (
        "fork, everything folded into its entry",
        f"{SLOW} kernel_clone __x64_sys_vfork {SYSCALL}",
        Operation.INSERT_AFTER,
        Cause.FORK,
    ),
    (
        "fork that fails and takes the child's mappings down",
        f"{SLOW} unlink_file_vma_batch_final free_pgtables exit_mmap __mmput mmput "
        f"copy_process kernel_clone {SYSCALL}",
        Operation.REMOVE,
        Cause.FORK,
    ),
    (
        "exec: the old address space",
        f"{SLOW} unlink_file_vma_batch_process unlink_file_vma_batch_final free_pgtables "
        f"exit_mmap __mmput mmput begin_new_exec load_elf_binary bprm_execve "
        f"do_execveat_common.isra.0 __x64_sys_execve {SYSCALL}",
        Operation.REMOVE,
        Cause.EXEC,
    ),
    (
        "exec: the loader's mappings",
        f"{SLOW} mmap_region do_mmap vm_mmap_pgoff elf_map load_elf_binary bprm_execve "
        f"do_execveat_common.isra.0 __x64_sys_execve {SYSCALL}",
        Operation.INSERT,
        Cause.EXEC,
    ),
    (
        "exec by the kernel",
        f"{SLOW} vma_link_file __mmap_region mmap_region do_mmap vm_mmap_pgoff elf_load "
        f"load_elf_binary bprm_execve kernel_execve call_usermodehelper_exec_async "
        f"ret_from_fork ret_from_fork_asm",
        Operation.INSERT,
        Cause.EXEC,
    ),
    (
        "exit",
        f"{SLOW} unlink_file_vma free_pgtables exit_mmap __mmput mmput do_exit do_group_exit "
        f"__x64_sys_exit_group {SYSCALL}",
        Operation.REMOVE,
        Cause.EXIT,
    ),
    (
        "exit by a signal",
        f"{SLOW} unlink_file_vma_batch_add free_pgtables exit_mmap __mmput mmput do_exit "
        f"do_group_exit get_signal arch_do_signal_or_restart exit_to_user_mode_loop {SYSCALL}",
        Operation.REMOVE,
        Cause.EXIT,
    ),
    (
        "exit of a task that mapped hugetlb pages, left by a jump",
        f"{SLOW} unmap_vmas exit_mmap __mmput mmput do_exit do_group_exit {SYSCALL}",
        Operation.WALK,
        Cause.EXIT,
    ),
    (
        "a worker that drops the last reference",
        f"{SLOW} unlink_file_vma free_pgtables exit_mmap __mmput mmput_async_fn "
        f"process_one_work worker_thread {KTHREAD}",
        Operation.REMOVE,
        Cause.EXIT,
    ),
    (
        "a reader of /proc that drops the last reference",
        f"{SLOW} unlink_file_vma free_pgtables exit_mmap __mmput mmput mem_release __fput "
        f"task_work_run {SYSCALL}",
        Operation.REMOVE,
        Cause.EXIT,
    ),
    (
        "madvise that splits",
        f"{SLOW} vma_prepare __split_vma vma_modify vma_modify_flags_name madvise_update_vma "
        f"do_madvise __x64_sys_madvise {SYSCALL}",
        Operation.ADJUST,
        Cause.MADVISE,
    ),
    (
        "MADV_REMOVE, which punches a hole",
        f"{SLOW_READ} unmap_mapping_pages unmap_mapping_range shmem_fallocate vfs_fallocate "
        f"do_madvise {SYSCALL}",
        Operation.WALK,
        Cause.MADVISE,
    ),
    (
        "MADV_COLLAPSE",
        f"{SLOW_READ} retract_page_tables collapse_file hpage_collapse_scan_file "
        f"madvise_collapse do_madvise {SYSCALL}",
        Operation.WALK,
        Cause.MADVISE,
    ),
    (
        "process_madvise",
        f"{SLOW} vma_prepare __split_vma vma_modify do_madvise __do_sys_process_madvise {SYSCALL}",
        Operation.ADJUST,
        Cause.MADVISE,
    ),
    (
        "truncate",
        f"{SLOW_READ} unmap_mapping_pages unmap_mapping_range truncate_pagecache ext4_setattr "
        f"notify_change do_truncate do_sys_ftruncate {SYSCALL}",
        Operation.WALK,
        Cause.TRUNCATE,
    ),
    (
        "O_TRUNC",
        f"{SLOW_READ} unmap_mapping_pages truncate_pagecache ext4_setattr notify_change "
        f"do_truncate path_openat do_filp_open do_sys_openat2 {SYSCALL}",
        Operation.WALK,
        Cause.TRUNCATE,
    ),
    (
        "truncate by a file server in the kernel",
        f"{SLOW_READ} unmap_mapping_pages truncate_pagecache xfs_setattr_size notify_change "
        f"nfsd_setattr nfsd_dispatch svc_process nfsd {KTHREAD}",
        Operation.WALK,
        Cause.TRUNCATE,
    ),
    (
        "truncate on hugetlbfs",
        f"{SLOW} hugetlbfs_setattr notify_change do_truncate do_sys_ftruncate {SYSCALL}",
        Operation.WALK,
        Cause.TRUNCATE,
    ),
    (
        "fallocate that punches a hole",
        f"{SLOW_READ} unmap_mapping_pages truncate_pagecache_range ext4_punch_hole "
        f"ext4_fallocate vfs_fallocate __x64_sys_fallocate {SYSCALL}",
        Operation.WALK,
        Cause.TRUNCATE,
    ),
    (
        "the last unlink of a file",
        f"{SLOW_READ} unmap_mapping_folio truncate_cleanup_folio truncate_inode_pages_range "
        f"ext4_evict_inode evict do_unlinkat __x64_sys_unlink {SYSCALL}",
        Operation.WALK,
        Cause.TRUNCATE,
    ),
    (
        "kswapd",
        f"{SLOW_READ} rmap_walk_file folio_referenced shrink_folio_list shrink_lruvec "
        f"shrink_node balance_pgdat kswapd {KTHREAD}",
        Operation.WALK,
        Cause.RECLAIM,
    ),
    (
        "direct reclaim in the middle of a fork",
        f"{SLOW_READ} __rmap_walk_file try_to_unmap shrink_folio_list evict_folios shrink_one "
        f"shrink_node do_try_to_free_pages try_to_free_pages __alloc_pages_slowpath dup_mmap "
        f"copy_process kernel_clone {SYSCALL}",
        Operation.WALK,
        Cause.RECLAIM,
    ),
    (
        "MADV_PAGEOUT",
        f"{SLOW_READ} rmap_walk_file try_to_unmap shrink_folio_list reclaim_folio_list "
        f"reclaim_pages madvise_cold_or_pageout_pte_range do_madvise {SYSCALL}",
        Operation.WALK,
        Cause.RECLAIM,
    ),
    (
        "reclaim that writes out",
        f"{SLOW_READ} rmap_walk_file folio_mkclean folio_clear_dirty_for_io pageout "
        f"shrink_folio_list shrink_lruvec shrink_node balance_pgdat kswapd {KTHREAD}",
        Operation.WALK,
        Cause.RECLAIM,
    ),
    (
        "reclaim that demotes to a slower node",
        f"{SLOW_READ} rmap_walk_file try_to_migrate migrate_pages_batch migrate_pages "
        f"shrink_folio_list shrink_node balance_pgdat kswapd {KTHREAD}",
        Operation.WALK,
        Cause.RECLAIM,
    ),
    (
        "a shrinker that splits huge pages of a file",
        f"{SLOW_READ} __folio_split shmem_unused_huge_shrink super_cache_scan do_shrink_slab "
        f"shrink_slab shrink_node balance_pgdat kswapd {KTHREAD}",
        Operation.WALK,
        Cause.RECLAIM,
    ),
    (
        "migration by compaction",
        f"{SLOW_READ} rmap_walk_file try_to_migrate migrate_pages_batch migrate_pages "
        f"compact_zone kcompactd {KTHREAD}",
        Operation.WALK,
        Cause.MIGRATE,
    ),
    (
        "migration that writes out what it cannot move",
        f"{SLOW_READ} rmap_walk_file folio_mkclean folio_clear_dirty_for_io move_to_new_folio "
        f"migrate_pages_batch migrate_pages {SYSCALL}",
        Operation.WALK,
        Cause.MIGRATE,
    ),
    (
        "background writeback",
        f"{SLOW_READ} rmap_walk_file folio_mkclean folio_clear_dirty_for_io write_cache_pages "
        f"ext4_writepages do_writepages __writeback_single_inode wb_workfn {KTHREAD}",
        Operation.WALK,
        Cause.WRITEBACK,
    ),
    (
        "fsync",
        f"{SLOW_READ} __rmap_walk_file folio_mkclean folio_clear_dirty_for_io "
        f"mpage_prepare_extent_to_map ext4_writepages do_writepages filemap_fdatawrite_range "
        f"ext4_sync_file do_fsync {SYSCALL}",
        Operation.WALK,
        Cause.WRITEBACK,
    ),
    (
        "writeback of a DAX file",
        f"{SLOW_READ} dax_writeback_mapping_range ext4_dax_writepages do_writepages do_fsync "
        f"{SYSCALL}",
        Operation.WALK,
        Cause.WRITEBACK,
    ),
    (
        "truncate that waits behind its own writeback",
        f"{SLOW_READ} rmap_walk_file folio_mkclean folio_clear_dirty_for_io ext4_writepages "
        f"do_writepages ext4_setattr notify_change do_truncate {SYSCALL}",
        Operation.WALK,
        Cause.WRITEBACK,
    ),
    (
        "a uprobe that is registered",
        f"{SLOW_READ} register_for_each_vma uprobe_register probe_event_enable "
        f"perf_trace_event_init __do_sys_perf_event_open {SYSCALL}",
        Operation.WALK,
        Cause.OTHER,
    ),
    (
        "mm_take_all_locks, its helper left by a jump",
        f"{SLOW} mm_take_all_locks __mmu_notifier_register kvm_dev_ioctl {SYSCALL}",
        Operation.WALK,
        Cause.OTHER,
    ),
    (
        "khugepaged",
        f"{SLOW_READ} collapse_file hpage_collapse_scan_file khugepaged {KTHREAD}",
        Operation.WALK,
        Cause.OTHER,
    ),
    (
        "a page fault on a shared hugetlb mapping",
        f"{SLOW_READ} huge_pmd_share huge_pte_alloc hugetlb_fault handle_mm_fault "
        f"do_user_addr_fault exc_page_fault asm_exc_page_fault",
        Operation.WALK,
        Cause.OTHER,
    ),
    (
        "direct I/O that invalidates mapped pages",
        f"{SLOW_READ} unmap_mapping_folio invalidate_inode_pages2_range iomap_dio_rw "
        f"vfs_write ksys_write {SYSCALL}",
        Operation.WALK,
        Cause.OTHER,
    ),
    (
        "mlock in the middle",
        f"{SLOW} vma_prepare __split_vma vma_modify mlock_fixup apply_vma_lock_flags do_mlock "
        f"{SYSCALL}",
        Operation.ADJUST,
        Cause.OTHER,
    ),
    (
        "a module that takes the lock by its address",
        f"{SLOW} test_lock test_work_fn process_one_work worker_thread {KTHREAD}",
        Operation.OTHER,
        Cause.OTHER,
    ),
]
