// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lockstat FILE COUNT CPUS [MODULE PARAMETERS]: the kernel's own lock statistics over a storm that
 * is known. One task for each CPU from 0 on maps and unmaps FILE COUNT times; CPU 0's also truncates
 * it to what it is. With MODULE that is loaded instead (lib/test_lockup.c, which holds locks and then
 * refuses to be loaded).
 *
 * The statistics are cleared, turned on when every task waits to begin and turned off when all have
 * done: nothing but FILE is mapped in between, so what they count of i_mmap locks is FILE's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096UL

static pthread_barrier_t *barrier;

static void put(const char *path, const char *text)
{
	int file = open(path, O_WRONLY);

	check(file >= 0, path);
	check(write(file, text, strlen(text)) == (ssize_t)strlen(text), path);
	close(file);
}

static void work(int cpu, int file, long count, int late)
{
	cpu_set_t cpus;
	struct stat is;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	check(sched_setaffinity(0, sizeof(cpus), &cpus) == 0, "sched_setaffinity");
	check(fstat(file, &is) == 0, "fstat");
	pthread_barrier_wait(barrier);
	/* The module holds its lock by then. */
	if (late)
		usleep(200000);
	while (count--) {
		void *address = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0);

		check(address != MAP_FAILED, "mmap");
		check(munmap(address, PAGE) == 0, "munmap");
		if (cpu == 0 && !late)
			check(ftruncate(file, is.st_size) == 0, "ftruncate");
	}
	pthread_barrier_wait(barrier);
	/* Its own mappings go when the statistics are off. */
	pthread_barrier_wait(barrier);
	exit(0);
}

int main(int arguments, char **argument)
{
	pthread_barrierattr_t shared;
	int file, module = -1, cpus, status;
	long count;

	if (arguments != 4 && arguments != 6) {
		fprintf(stderr, "usage: lockstat FILE COUNT CPUS [MODULE PARAMETERS]\n");
		return 2;
	}
	file = open(argument[1], O_RDWR);
	check(file >= 0, argument[1]);
	count = strtol(argument[2], NULL, 10);
	cpus = strtol(argument[3], NULL, 10);
	if (arguments == 6) {
		module = open(argument[4], O_RDONLY | O_CLOEXEC);
		check(module >= 0, argument[4]);
	}
	put("/proc/sys/kernel/lock_stat", "0");
	put("/proc/lock_stat", "0");

	barrier = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(barrier != MAP_FAILED, "mmap");
	pthread_barrierattr_init(&shared);
	pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(barrier, &shared, cpus + 1);
	for (int cpu = 0; cpu < cpus; cpu++) {
		pid_t child = fork();

		check(child >= 0, "fork");
		if (!child)
			work(cpu, file, count, module >= 0);
	}
	/* A fork is over when the child runs, and all of them run when they have reached this. */
	sleep(1);
	put("/proc/sys/kernel/lock_stat", "1");
	pthread_barrier_wait(barrier);
	if (module >= 0) {
		check(syscall(SYS_finit_module, module, argument[5], 0) != 0, "the module stayed");
		check(errno == EAGAIN, argument[4]);
	}
	pthread_barrier_wait(barrier);
	put("/proc/sys/kernel/lock_stat", "0");
	pthread_barrier_wait(barrier);
	while (wait(&status) > 0)
		check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a task");
	return 0;
}
