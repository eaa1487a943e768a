// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * treeops CPU FILE WHAT COUNT: pinned to CPU, do exactly COUNT of WHAT to mappings of FILE.
 *
 * map       mmap one page, munmap it
 * fixed     mmap MAP_FIXED over the mapping of the round before
 * mprotect  map three pages, mprotect the middle one, munmap all three
 * mremap    move one mapping to and fro between two addresses
 * fork      with five mappings, fork a child that exits at once
 * truncate  ftruncate the file to nothing, with no mapping of it
 * madvise   MADV_REMOVE, which walks the mappings, of a page that is mapped
 * gently    map, with a rest now and then: a task that never sleeps holds up whoever attaches
 *           probes (synchronize_rcu_tasks)
 * exec      spawn FILE
 *
 * Everything but FILE's own mappings stays away from FILE, so that the counts follow from COUNT.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096UL
#define FORK_MAPPINGS 5

static int file;
static const char *path;

static char *map_at(void *where, size_t pages, int flags)
{
	char *address = mmap(where, pages * PAGE, PROT_READ, MAP_SHARED | flags, file, 0);

	check(address != MAP_FAILED, "mmap");
	return address;
}

/* Room of our own, so that no mapping of FILE ever touches another and merges with it. */
static char *room(size_t pages)
{
	char *address = mmap(NULL, pages * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(address != MAP_FAILED, "mmap of room");
	return address;
}

static void unmap(char *address, size_t pages)
{
	check(munmap(address, pages * PAGE) == 0, "munmap");
}

static void map(long count)
{
	while (count--)
		unmap(map_at(NULL, 1, 0), 1);
}

static void gently(long count)
{
	while (count--) {
		unmap(map_at(NULL, 1, 0), 1);
		if (count % 64 == 0)
			usleep(100);
	}
}

static void fixed(long count)
{
	char *address = map_at(room(3) + PAGE, 1, MAP_FIXED);

	while (count--)
		map_at(address, 1, MAP_FIXED);
	unmap(address, 1);
}

static void protect(long count)
{
	char *address = room(5) + PAGE;

	while (count--) {
		map_at(address, 3, MAP_FIXED);
		check(mprotect(address + PAGE, PAGE, PROT_NONE) == 0, "mprotect");
		unmap(address, 3);
	}
}

static void move(long count)
{
	char *here = room(3) + PAGE, *there = room(3) + PAGE;

	map_at(here, 1, MAP_FIXED);
	while (count--) {
		char *was = here;

		check(mremap(here, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, there) == there, "mremap");
		here = there;
		there = was;
	}
	unmap(here, 1);
}

static void fork_children(long count)
{
	char *address = room(2 * FORK_MAPPINGS + 1) + PAGE;

	for (int i = 0; i < FORK_MAPPINGS; i++)
		map_at(address + 2 * i * PAGE, 1, MAP_FIXED);
	while (count--) {
		pid_t child = fork();

		check(child >= 0, "fork");
		if (child == 0)
			_exit(0);
		check(waitpid(child, NULL, 0) == child, "waitpid");
	}
	for (int i = 0; i < FORK_MAPPINGS; i++)
		unmap(address + 2 * i * PAGE, 1);
}

static void truncate_it(long count)
{
	while (count--)
		check(ftruncate(file, 0) == 0, "ftruncate");
}

static void advise(long count)
{
	char *address = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

	check(address != MAP_FAILED, "mmap");
	while (count--) {
		*address = 1;
		check(madvise(address, PAGE, MADV_REMOVE) == 0, "madvise");
	}
	unmap(address, 1);
}

static void spawn(long count)
{
	char *const arguments[] = {(char *)path, NULL}, *const environment[] = {NULL};

	while (count--) {
		pid_t child;

		check(posix_spawn(&child, path, NULL, NULL, arguments, environment) == 0, path);
		check(waitpid(child, NULL, 0) == child, "waitpid");
	}
}

static const struct {
	const char *name;
	void (*run)(long count);
	int writes;
} operations[] = {
	{"map", map, 0}, {"gently", gently, 0}, {"fixed", fixed, 0}, {"mprotect", protect, 0}, {"mremap", move, 0},
	{"fork", fork_children, 0}, {"truncate", truncate_it, 1}, {"madvise", advise, 1},
	{"exec", spawn, 0},
};

int main(int count, char **arguments)
{
	cpu_set_t cpus;

	if (count != 5) {
		fprintf(stderr, "usage: treeops CPU FILE WHAT COUNT\n");
		return 2;
	}
	CPU_ZERO(&cpus);
	CPU_SET(atoi(arguments[1]), &cpus);
	check(sched_setaffinity(0, sizeof(cpus), &cpus) == 0, "sched_setaffinity");
	path = arguments[2];
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		if (strcmp(arguments[3], operations[i].name))
			continue;
		/* Read-only where that does: on overlayfs opening to write would copy the file up. */
		file = open(path, operations[i].writes ? O_RDWR : O_RDONLY);
		check(file >= 0, path);
		operations[i].run(atol(arguments[4]));
		return 0;
	}
	fprintf(stderr, "treeops: no operation %s\n", arguments[3]);
	return 2;
}
