// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sleepers FILE COUNT THINK_US WALKS CPU...: on each CPU given (one may be given more than once) a
 * task maps FILE, thinks, unmaps it and thinks, COUNT times. Beside them, if WALKS is not 0, one
 * task truncates FILE so many times, thinking as long in between. $SEED makes it another run of the
 * same work.
 *
 * A task thinks by sleeping. With hold_comm=sleepers and hold_us= of our kernels it holds the lock
 * asleep too (lab/kernels/patches/hold.patch), so that more tasks hold and wait than there are CPUs.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096UL

static int file;

/* Exponential with this mean, as what comes independently of the rest does. */
static void think(long us, unsigned int *seed)
{
	double drawn = (rand_r(seed) + 1.0) / ((double)RAND_MAX + 2.0);
	long ns = -log(drawn) * us * 1000.0;
	struct timespec time = {ns / 1000000000L, ns % 1000000000L};

	nanosleep(&time, NULL);
}

static void sleeper(int cpu, long count, long us, unsigned int seed)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	check(sched_setaffinity(0, sizeof(cpus), &cpus) == 0, "sched_setaffinity");
	while (count--) {
		void *address = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0);

		check(address != MAP_FAILED, "mmap");
		think(us, &seed);
		check(munmap(address, PAGE) == 0, "munmap");
		think(us, &seed);
	}
}

static void walker(long walks, long us, unsigned int seed)
{
	while (walks--) {
		check(ftruncate(file, PAGE) == 0, "ftruncate");
		think(us, &seed);
	}
}

static void start(int cpu, long count, long us, unsigned int seed)
{
	pid_t child = fork();

	check(child >= 0, "fork");
	if (child)
		return;
	if (cpu < 0)
		walker(count, us, seed);
	else
		sleeper(cpu, count, us, seed);
	exit(0);
}

int main(int count, char **arguments)
{
	const char *seed = getenv("SEED");
	/* Beyond the numbers of tasks. */
	unsigned int first = seed ? 1000 * atoi(seed) : 0;
	int status, failed = 0;

	if (count < 6) {
		fprintf(stderr, "usage: sleepers FILE COUNT THINK_US WALKS CPU...\n");
		return 2;
	}
	file = open(arguments[1], O_RDWR);
	check(file >= 0, arguments[1]);
	if (atol(arguments[4]))
		start(-1, atol(arguments[4]), atol(arguments[3]), first + 1);
	for (int task = 5; task < count; task++)
		start(atoi(arguments[task]), atol(arguments[2]), atol(arguments[3]), first + task);
	while (wait(&status) > 0)
		failed |= status;
	return failed ? 1 : 0;
}
