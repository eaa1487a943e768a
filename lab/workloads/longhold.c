// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * longhold FILE SECONDS CPU...: truncate FILE while it is mapped so often that the walk over its
 * mappings holds the lock for about SECONDS, and meanwhile map and unmap it from each CPU.
 *
 * Prints a line "truncate NS" and for each CPU "CPU mmap NS munmap NS": how long the longest call
 * of each kind took.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096UL
#define FIRST_MAPPINGS 20000
#define MOST_MAPPINGS 2000000

enum { PREPARE, MAP, STOP };

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000L + time.tv_nsec;
}

static void pin(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	check(sched_setaffinity(0, sizeof(cpus), &cpus) == 0, "sched_setaffinity");
}

static long longer(long longest, long since)
{
	long took = now() - since;

	return took > longest ? took : longest;
}

static void map_and_unmap(int file, int cpu, atomic_int *phase)
{
	long longest_map = 0, longest_unmap = 0;

	pin(cpu);
	while (*phase == PREPARE)
		usleep(10000);
	while (*phase == MAP) {
		long began = now();
		char *address = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0);

		check(address != MAP_FAILED, "mmap");
		longest_map = longer(longest_map, began);
		began = now();
		munmap(address, PAGE);
		longest_unmap = longer(longest_unmap, began);
		usleep(1000);
	}
	printf("%d mmap %ld munmap %ld\n", cpu, longest_map, longest_unmap);
	fflush(stdout);
}

static void map_more(int file, long count)
{
	while (count--) {
		char *address = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0);

		check(address != MAP_FAILED, "mmap (vm.max_map_count?)");
		/* A page table to look at makes each mapping's share of the walk longer. */
		(void)*(volatile char *)address;
	}
}

static long truncate_once(int file)
{
	long began;

	check(ftruncate(file, PAGE) == 0, "ftruncate");
	began = now();
	check(ftruncate(file, 0) == 0, "ftruncate");
	return now() - began;
}

int main(int count, char **arguments)
{
	atomic_int *phase = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long mappings = FIRST_MAPPINGS;
	double seconds;
	int file;

	if (count < 4) {
		fprintf(stderr, "usage: longhold FILE SECONDS CPU...\n");
		return 2;
	}
	seconds = atof(arguments[2]);
	file = open(arguments[1], O_RDWR | O_CREAT, 0644);
	check(file >= 0, arguments[1]);
	check(ftruncate(file, PAGE) == 0, "ftruncate");
	/* Forked before there is anything to copy. */
	for (int i = 3; i < count; i++) {
		if (fork() == 0) {
			map_and_unmap(file, atoi(arguments[i]), phase);
			_exit(0);
		}
	}
	pin(0);
	map_more(file, mappings);
	while (truncate_once(file) < seconds * 1e9 && mappings < MOST_MAPPINGS) {
		check(ftruncate(file, PAGE) == 0, "ftruncate");
		map_more(file, mappings);
		mappings *= 2;
	}
	*phase = MAP;
	sleep(1);
	printf("truncate %ld\n", truncate_once(file));
	fflush(stdout);
	*phase = STOP;
	while (wait(NULL) > 0)
		;
	return 0;
}
