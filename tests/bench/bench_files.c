/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_files ROUNDS COMMITFS-FOLDER SMALLEST-FOLDER TMPFS-FOLDER
 *
 * What a look at a file costs: in commitfs, in the smallest FUSE file system and in tmpfs. Each
 * round does the same on all three, one after the other; a ratio is the median of the rounds'
 * ratios, so that what disturbs the machine disturbs both sides of it.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS_MAX = 1000, STATS = 20000, READS = 2000 };
enum { COMMITFS, SMALLEST, TMPFS, PLACES };

static const char *const names[PLACES] = {"commitfs", "smallest", "tmpfs"};
static const char *const files[PLACES] = {
	"containers/c00000/state", "state", "containers/c00000/state"};
static int folders[PLACES];

static void look(int place)
{
	struct stat st;

	if (fstatat(folders[place], files[place], &st, 0) < 0)
		err(1, "%s: %s", names[place], files[place]);
}

static void read_it(int place)
{
	char text[4096];
	int fd = openat(folders[place], files[place], O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text)) <= 0)
		err(1, "%s: %s", names[place], files[place]);
	close(fd);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Nanoseconds a call. */
static double measure(void (*call)(int place), int place, int times)
{
	double start = now();

	for (int i = 0; i < times; i++)
		call(place);
	return (now() - start) / times;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, int n)
{
	qsort(values, (size_t)n, sizeof(*values), ascending);
	return values[n / 2];
}

static double ns[PLACES][ROUNDS_MAX], ratios[ROUNDS_MAX];

static void print_ratio(const char *what, int place, int rounds, double expected)
{
	double value;

	for (int i = 0; i < rounds; i++)
		ratios[i] = ns[COMMITFS][i] / ns[place][i];
	value = median(ratios, rounds);
	printf("ratio %s/%s %.2f", what, names[place], value);
	if (expected > 0)
		printf(" (expected <= %.1f)%s", expected, value > expected ? " MISSED" : "");
	printf("\n");
}

/* `beside`: the place whose ratio is expected to be at most 1.3. */
static void bench(const char *what, void (*call)(int place), int times, int rounds, int beside)
{
	for (int i = 0; i < rounds; i++)
		for (int place = 0; place < PLACES; place++)
			ns[place][i] = measure(call, place, times);
	for (int place = COMMITFS + 1; place < PLACES; place++)
		print_ratio(what, place, rounds, place == beside ? 1.3 : 0);
	for (int place = 0; place < PLACES; place++)
		printf("%s-%s %.0f ns\n", what, names[place], median(ns[place], rounds));
}

int main(int argc, char **argv)
{
	int rounds = argc == 2 + PLACES ? atoi(argv[1]) : 0;

	if (rounds < 1 || rounds > ROUNDS_MAX)
		errx(2, "usage: bench_files ROUNDS COMMITFS-FOLDER SMALLEST-FOLDER TMPFS-FOLDER");
	for (int place = 0; place < PLACES; place++) {
		folders[place] = open(argv[2 + place], O_PATH | O_DIRECTORY);
		if (folders[place] < 0)
			err(1, "%s", argv[2 + place]);
		read_it(place); /* what the kernel may remember, it does from now on */
	}
	bench("stat", look, STATS, rounds, TMPFS);
	bench("open-read-close", read_it, READS, rounds, SMALLEST);
	return 0;
}
