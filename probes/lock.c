/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks: whose is this rwsem, and is it over a whole mapping or over one of its trees?
 * Cost: that of mapping.c where a mapping has a lock, and of tree_lock.c where its trees do.
 */
static __always_inline bool find_lock(u64 sem, struct lock *lock)
{
	return find_mapping_lock(sem, lock) || find_tree_lock(sem, lock);
}

/* For a wait, which may look longer: what is not known yet may prove itself. */
static __always_inline bool find_or_prove_lock(u64 sem, struct lock *lock)
{
	return find_lock(sem, lock) || prove_tree_lock(sem, lock);
}

/* Cheap, for what is remembered by task and lock anyway: false only where it is no such lock. */
static __always_inline bool may_be_lock(u64 sem)
{
	struct lock lock = {};

	return find_mapping_lock(sem, &lock) || may_be_tree_lock(sem);
}
