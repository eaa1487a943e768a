# SPDX-License-Identifier: GPL-2.0-or-later
"""Which kernel functions take an i_mmap lock, and what they take it for.

Read in the sources of 6.1, 6.12 and 7.3: every caller of i_mmap_lock_*(), i_mmap_trylock_*() and
down_write_nest_lock(&mapping->i_mmap_rwsem) is here, and so are the functions around a static one,
up to one that is not static, because a compiler may fold the former into the latter (GCC does so
with dup_mmap in 6.12 and vma_link_file in 7.3) or leave it by a jump (vm_lock_mapping and
__hugetlb_zap_begin are never on the stack of their lock). At least one of them then is.

Each name has one operation, and the one nearest to the lock is meant. That is why a function that
does several things stands here for what it does itself: mmap_region inserts, while the merging,
splitting and unmapping beneath it happen in functions of their own.

Left out: nommu.c, lib/test_lockup.c (whatever it is told to lock) and dma_resv_lockdep() (at boot,
on a mapping that belongs to no file).
"""

from immapscope.kernel.words import Operation

# vma_link_file is static in 7.3, vma_link everywhere, and 6.1's mmap_region locks by itself.
_INSERT = """
    vma_link_file vma_link insert_vm_struct copy_vma
    __mmap_new_vma __mmap_region mmap_region
"""

# dup_mmap and all up to copy_process are static in 6.1 and 6.12; in 7.3 dup_mmap is not.
_INSERT_AFTER = "dup_mmap dup_mm copy_mm copy_process kernel_clone"

# Batched since 3577dbb19241, not in 6.1.
_REMOVE = """
    unlink_file_vma
    unlink_file_vma_batch_process unlink_file_vma_batch_add unlink_file_vma_batch_final
    free_pgtables
"""

# 6.1: __vma_adjust and vma_expand lock. Later all goes through vma_prepare, which is static, as are
# commit_merge, __split_vma, vma_modify and vms_gather_munmap_vmas. do_vmi_align_munmap removes only
# through unlink_file_vma*: what is left to it is the splitting at both ends.
_ADJUST = """
    __vma_adjust vma_prepare commit_merge vma_expand vma_shrink __split_vma split_vma
    vma_merge vma_merge_new_range vma_merge_existing_range vma_merge_extend
    vma_modify vma_modify_flags vma_modify_flags_name vma_modify_name vma_modify_policy
    vma_modify_flags_uffd vms_gather_munmap_vmas do_vmi_align_munmap
"""

_WALK = {
    "mm/rmap.c": """
        rmap_walk_file __rmap_walk_file rmap_walk rmap_walk_locked
        folio_referenced folio_mkclean try_to_unmap try_to_migrate mapping_wrprotect_range
    """,
    "mm/memory.c": "unmap_mapping_folio unmap_mapping_pages unmap_mapping_range",
    "mm/mremap.c": "take_rmap_locks move_ptes move_pgt_entry move_page_tables",
    "mm/vma.c, mm/mmap.c": "vm_lock_mapping mm_take_all_locks",
    "mm/mapping_dirty_helpers.c": "wp_shared_mapping_range clean_record_shared_mapping_range",
    "mm/huge_memory.c": """
        split_huge_page_to_list split_huge_page_to_list_to_order __folio_split folio_split
        __split_huge_page_to_list_to_order split_folio_to_list deferred_split_scan
        split_huge_pages_write
    """,
    "mm/khugepaged.c": """
        retract_page_tables collapse_pte_mapped_thp try_collapse_pte_mapped_thp collapse_file
        hpage_collapse_scan_file collapse_scan_file collapse_single_pmd khugepaged_scan_mm_slot
        collapse_scan_mm_slot khugepaged_do_scan khugepaged madvise_collapse
    """,
    "mm/memory-failure.c": """
        collect_procs_file collect_procs_fsdax collect_procs_pfn collect_procs
        hwpoison_user_mappings memory_failure mf_generic_kill_procs mf_dax_kill_procs
    """,
    # The last two lines are what zaps a hugetlb VMA: __hugetlb_zap_begin leaves by a jump.
    "mm/hugetlb.c": """
        hugetlb_page_mapping_lock_write hugetlb_folio_mapping_lock_write
        move_hugetlb_page_tables __unmap_hugepage_range_final unmap_ref_private hugetlb_wp
        hugetlb_fault hugetlb_change_protection huge_pmd_share hugetlb_unshare_pmds
        hugetlb_unshare_all_pmds hugetlb_vm_op_split fixup_hugetlb_reservations
        __hugetlb_zap_begin unmap_single_vma unmap_vmas zap_page_range_single
        zap_page_range_single_batched zap_vma_range_batched
    """,
    "fs/hugetlbfs/inode.c": """
        hugetlb_unmap_file_folio remove_inode_single_folio remove_inode_hugepages
        hugetlb_vmtruncate hugetlbfs_setattr hugetlbfs_punch_hole hugetlbfs_fallocate
        hugetlbfs_evict_inode
    """,
    "fs/proc/task_mmu.c": """
        pagemap_scan_hugetlb_entry pagemap_scan_hugetlb_hole_wp pagemap_scan_pte_hole
    """,
    "fs/dax.c": "dax_writeback_one dax_writeback_mapping_range",
    "kernel/events/uprobes.c": """
        build_map_info register_for_each_vma
        uprobe_register __uprobe_register uprobe_apply uprobe_unregister_nosync uprobe_unregister
    """,
}

OPERATIONS: dict[str, Operation] = {
    name: operation
    for operation, names in (
        (Operation.INSERT, _INSERT),
        (Operation.INSERT_AFTER, _INSERT_AFTER),
        (Operation.REMOVE, _REMOVE),
        (Operation.ADJUST, _ADJUST),
        (Operation.WALK, " ".join(_WALK.values())),
    )
    for name in names.split()
}
"""What a hold is for, by the function that takes the lock."""
