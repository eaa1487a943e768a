// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fixedwork FILE WHAT COUNT [TASKS]: do WHAT exactly COUNT times, or each of TASKS at once does, and
 * print how many ns it took by the guest's clock, which counts instructions where the guest is run
 * so. A tenth as often before, so that everything is in the page cache.
 *
 * exec  spawn FILE and wait for it
 * fork  fork a child that exits at once
 * mmap  map and unmap a page of FILE
 * idle  sleep for COUNT seconds, on a machine of one CPU; what is printed is how many ns of them that
 *       CPU was not idle, by the kernel's own account
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096UL

static void await(pid_t child)
{
	int status;

	check(waitpid(child, &status, 0) > 0 && status == 0, "a child");
}

static void exec_once(const char *path)
{
	char *const nothing[] = {(char *)path, NULL};
	pid_t child;

	check(posix_spawn(&child, path, NULL, NULL, nothing, nothing + 1) == 0, path);
	await(child);
}

static void fork_once(void)
{
	pid_t child = fork();

	check(child >= 0, "fork");
	if (!child)
		_exit(0);
	await(child);
}

static void map_once(int file)
{
	void *address = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0);

	check(address != MAP_FAILED, "mmap");
	check(munmap(address, PAGE) == 0, "munmap");
}

/* tick_nohz_start_idle() and _stop_idle() in kernel/time/tick-sched.c: interrupts are not idle. */
static long long idle_ns(void)
{
	FILE *timers = fopen("/proc/timer_list", "r");
	char line[256], *value;
	long long ns = -1;

	check(timers != NULL, "/proc/timer_list");
	while (fgets(line, sizeof(line), timers)) {
		value = strchr(line, ':');
		if (value && (strstr(line, ".idle_sleeptime") || strstr(line, ".iowait_sleeptime")))
			ns = (ns < 0 ? 0 : ns) + strtoll(value + 1, NULL, 10);
	}
	fclose(timers);
	check(ns >= 0, "the kernel does not count idle time");
	return ns;
}

static void idle_for(long seconds)
{
	struct timespec time = {seconds, 0};

	check(nanosleep(&time, NULL) == 0, "nanosleep");
}

static void work(const char *what, long count, const char *path, int file)
{
	if (!strcmp(what, "idle")) {
		idle_for(count);
		return;
	}
	while (count-- > 0) {
		if (!strcmp(what, "exec"))
			exec_once(path);
		else if (!strcmp(what, "fork"))
			fork_once();
		else
			map_once(file);
	}
}

static void work_at_once(const char *what, long count, const char *path, int file, long tasks)
{
	for (long task = 1; task < tasks; task++) {
		pid_t child = fork();

		check(child >= 0, "fork");
		if (!child) {
			work(what, count, path, file);
			_exit(0);
		}
	}
	work(what, count, path, file);
	for (long task = 1; task < tasks; task++)
		await(-1);
}

int main(int arguments, char **argument)
{
	struct timespec began, ended;
	long long took, idle = 0;
	long count, tasks;
	int file, idles;

	if (arguments != 4 && arguments != 5) {
		fprintf(stderr, "usage: fixedwork FILE exec|fork|mmap|idle COUNT [TASKS]\n");
		return 2;
	}
	file = open(argument[1], O_RDONLY | O_CLOEXEC);
	check(file >= 0, argument[1]);
	count = strtol(argument[3], NULL, 10);
	tasks = arguments == 5 ? strtol(argument[4], NULL, 10) : 1;
	idles = !strcmp(argument[2], "idle");
	check(!idles || sysconf(_SC_NPROCESSORS_ONLN) == 1, "idle: of one CPU only");
	work(argument[2], count / 10, argument[1], file);
	if (idles)
		idle = idle_ns();
	clock_gettime(CLOCK_MONOTONIC, &began);
	work_at_once(argument[2], count, argument[1], file, tasks);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	took = (ended.tv_sec - began.tv_sec) * 1000000000LL + ended.tv_nsec - began.tv_nsec;
	if (idles)
		took -= idle_ns() - idle;
	printf("%s %lld\n", argument[2], took);
	return 0;
}
