#include "runner/runner.h"

#include "runner/board.h"
#include "runner/direct.h"
#include "runner/init.h"
#include "runner/interp.h"
#include "runner/serve.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int usage(void)
{
	fputs("usage: xtest-runner --fd N | --stdio [--work DIR]\n"
	      "       xtest-runner --board DIR --owner TEXT --lease SECONDS\n"
	      "       xtest-runner --attach DIR\n"
	      "       xtest-runner --end DIR OWNER\n"
	      "       xtest-runner --digest FILE...\n"
	      "       xtest-runner exec [OPTION]... -- PROGRAM [ARG]...\n"
	      "       xtest-runner --version\n",
		stderr);
	return 2;
}

static int print_version(void)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} features[] = {
		{WIRE_FEATURE_JOURNAL, "journal"},
		{WIRE_FEATURE_STORE, "store"},
		{WIRE_FEATURE_ZSTD, "zstd"},
		{WIRE_FEATURE_DELTA, "delta"},
		{WIRE_FEATURE_VIEW, "view"},
		{WIRE_FEATURE_CLOCK, "clock"},
		{WIRE_FEATURE_RECALL, "recall"},
	};

	printf("xtest-runner %s, protocol %u, features:", serve_build_id(), WIRE_VERSION);
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		if (serve_features() & features[i].bit)
			printf(" %s", features[i].name);
	putchar('\n');
	return fflush(stdout) == 0 ? 0 : 1;
}

/* Descriptors 0 to 2 must be taken, so that none of ours becomes a job's; all others are
 * not the jobs' business. */
static void tidy_descriptors(void)
{
	DIR *dir;
	struct dirent *e;
	int fd;

	while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd < 3)
		continue;
	if (fd >= 0)
		close(fd);
	dir = opendir("/proc/self/fd");
	while (dir && (e = readdir(dir))) {
		fd = atoi(e->d_name);
		if (fd > 2)
			fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
	if (dir)
		closedir(dir);
}

/* The words of somebody who reaches a board. */
static int board_words(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";

	if (strcmp(word, "--digest") == 0)
		return argc > 2 ? board_digest_main(argv + 2) : usage();
	if (strcmp(word, "--attach") == 0)
		return argc == 3 ? board_attach_main(argv[2]) : usage();
	if (strcmp(word, "--end") == 0)
		return argc == 4 ? board_end_main(argv[2], argv[3]) : usage();
	if (strcmp(word, "--board") != 0)
		return -1;
	if (argc != 7 || strcmp(argv[3], "--owner") != 0 ||
		strcmp(argv[5], "--lease") != 0)
		return usage();
	return board_main(argv[2], argv[4], argv[6]);
}

static int serve_main(int argc, char **argv)
{
	struct serve_options options = {
		.in_fd = -1, .out_fd = -1, .mounts_fd = -1, .cages_fd = -1};

	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(argv[i], "--stdio") == 0) {
			options.in_fd = 0;
			options.out_fd = 1;
			continue;
		}
		if (!value)
			return usage();
		if (strcmp(argv[i], "--fd") == 0)
			options.in_fd = options.out_fd = atoi(value);
		else if (strcmp(argv[i], "--work") == 0)
			options.work = value;
		else
			return usage();
		i++;
	}
	if (options.in_fd < 0)
		return usage();
	return serve(&options);
}

int main(int argc, char **argv)
{
	int status;

	if (init_is_wanted(argc, argv))
		return init_main();
	interp_run_if_copy(argc, argv);
	if (argc > 1 && strcmp(argv[1], "--version") == 0)
		return print_version();
	if (argc > 1 && strcmp(argv[1], "exec") == 0)
		return direct_main(argc - 2, argv + 2);
	tidy_descriptors();
	status = board_words(argc, argv);
	return status < 0 ? serve_main(argc, argv) : status;
}
