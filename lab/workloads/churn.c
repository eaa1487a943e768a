// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * churn TASKS FILES ROUNDS: one after another make FILES files, have TASKS processes at once map and
 * unmap each ROUNDS times, then delete it.
 *
 * The tasks are pinned to CPU 0, 1, ... and start on a file together, so that with more than one of
 * them somebody waits for nearly every file's lock.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096UL

static pthread_barrier_t *barrier;

static void map(const char *name, long rounds)
{
	int file = open(name, O_RDONLY);

	check(file >= 0, name);
	while (rounds--) {
		void *address = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0);

		check(address != MAP_FAILED, "mmap");
		check(munmap(address, PAGE) == 0, "munmap");
	}
	close(file);
}

static void create(const char *name)
{
	int file = open(name, O_CREAT | O_EXCL | O_WRONLY, 0600);

	check(file >= 0, name);
	close(file);
}

static void work(long task, long files, long rounds)
{
	cpu_set_t cpus;
	char name[64];

	CPU_ZERO(&cpus);
	CPU_SET(task, &cpus);
	check(sched_setaffinity(0, sizeof(cpus), &cpus) == 0, "sched_setaffinity");
	for (long number = 0; number < files; number++) {
		snprintf(name, sizeof(name), "churn-%ld", number);
		if (task == 0)
			create(name);
		pthread_barrier_wait(barrier);
		map(name, rounds);
		pthread_barrier_wait(barrier);
		if (task == 0)
			check(unlink(name) == 0, name);
	}
}

int main(int count, char **arguments)
{
	pthread_barrierattr_t shared;
	long tasks, failed = 0;

	if (count != 4) {
		fprintf(stderr, "usage: churn TASKS FILES ROUNDS\n");
		return 2;
	}
	tasks = atol(arguments[1]);
	barrier = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(barrier != MAP_FAILED, "mmap of the barrier");
	pthread_barrierattr_init(&shared);
	pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(barrier, &shared, tasks);
	for (long task = 0; task < tasks; task++) {
		pid_t child = fork();

		check(child >= 0, "fork");
		if (child == 0) {
			work(task, atol(arguments[2]), atol(arguments[3]));
			return 0;
		}
	}
	for (long task = 0; task < tasks; task++) {
		int status;

		check(wait(&status) > 0, "wait");
		failed |= status;
	}
	return failed != 0;
}
