// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * paced FILE MAPPINGS PAUSE_MS CPU:RATE...: until it is killed, map and unmap FILE on each CPU, RATE
 * times a second (0: as fast as it goes), while a walker that has FILE mapped MAPPINGS times
 * truncates it to nothing, again and again with PAUSE_MS in between.
 *
 * A truncation walks over all mappings under the file's lock, so MAPPINGS says how long it is held.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096UL
#define SECOND 1000000000L

static int file;

static void *map_it(void)
{
	void *address = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0);

	check(address != MAP_FAILED, "mmap");
	return address;
}

static void rest(long ns)
{
	struct timespec time = {ns / SECOND, ns % SECOND};

	nanosleep(&time, NULL);
}

static void work(int cpu, long rate)
{
	struct timespec next;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	check(sched_setaffinity(0, sizeof(cpus), &cpus) == 0, "sched_setaffinity");
	clock_gettime(CLOCK_MONOTONIC, &next);
	for (;;) {
		check(munmap(map_it(), PAGE) == 0, "munmap");
		if (!rate)
			continue;
		next.tv_nsec += SECOND / rate;
		next.tv_sec += next.tv_nsec / SECOND;
		next.tv_nsec %= SECOND;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
}

static void walk(long mappings, long pause_ms)
{
	/* Of its first page, which is beyond the new end: only such mappings are walked over. */
	while (mappings--)
		map_it();
	for (;;) {
		check(ftruncate(file, 0) == 0, "ftruncate");
		rest(pause_ms * (SECOND / 1000));
	}
}

static void start(int cpu, long rate, long mappings, long pause_ms)
{
	pid_t child = fork();

	check(child >= 0, "fork");
	if (child)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (cpu < 0)
		walk(mappings, pause_ms);
	work(cpu, rate);
}

int main(int count, char **arguments)
{
	if (count < 5) {
		fprintf(stderr, "usage: paced FILE MAPPINGS PAUSE_MS CPU:RATE...\n");
		return 2;
	}
	file = open(arguments[1], O_RDWR);
	check(file >= 0, arguments[1]);
	if (atol(arguments[2]))
		start(-1, 0, atol(arguments[2]), atol(arguments[3]));
	for (int i = 4; i < count; i++) {
		int cpu;
		long rate;

		if (sscanf(arguments[i], "%d:%ld", &cpu, &rate) != 2) {
			fprintf(stderr, "paced: %s is not CPU:RATE\n", arguments[i]);
			return 2;
		}
		start(cpu, rate, 0, 0);
	}
	wait(NULL);
	fprintf(stderr, "paced: a task ended\n");
	return 1;
}
