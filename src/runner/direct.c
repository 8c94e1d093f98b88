#include "runner/direct.h"

#include "runner/interp.h"
#include "runner/view.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EMULATORS_MAX 16
#define MAGIC_MAX 128

/* The command line, in the order in which it comes: --emulator begins one, the next
 * options are about it. */
struct emulator {
	uint8_t magic[MAGIC_MAX], mask[MAGIC_MAX];
	struct wire_emulator wire;
	const char **args;
	size_t arg_count;
};

struct options {
	struct emulator emulators[EMULATORS_MAX];
	size_t emulator_count;
	const char **binds;
	size_t bind_count;
	int quiet;
	char **argv;
};

static int usage(const char *what)
{
	fprintf(stderr,
		"xtest-runner: exec: %s\n"
		"usage: xtest-runner exec [--quiet] [--bind SOURCE TARGET]...\n"
		"         [--emulator NAME PATH [--arg ARG]... [--argv0-option OPTION] "
		"--magic HEX --mask HEX]...\n"
		"         -- PROGRAM [ARG]...\n",
		what);
	return 2;
}

static int from_hex(const char *hex, uint8_t *out, struct wire_bytes *bytes)
{
	size_t len = strlen(hex) / 2;
	unsigned int value;

	if (strlen(hex) % 2 || !len || len > MAGIC_MAX)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (sscanf(hex + 2 * i, "%2x", &value) != 1)
			return -EINVAL;
		out[i] = (uint8_t)value;
	}
	*bytes = (struct wire_bytes){out, (uint32_t)len};
	return 0;
}

static int add_emulator(struct options *o, int argc, char **argv)
{
	struct emulator *e;

	if (o->emulator_count == EMULATORS_MAX)
		return usage("too many emulators");
	e = &o->emulators[o->emulator_count++];
	e->args = calloc((size_t)argc + 1, sizeof(*e->args));
	e->wire = (struct wire_emulator){.name = argv[1],
		.path = argv[2],
		.args = {.v = e->args},
		.argv0_option = ""};
	return e->args ? 0 : usage("no memory");
}

static int emulator_option(struct options *o, const char *name, const char *value)
{
	struct emulator *e =
		o->emulator_count ? &o->emulators[o->emulator_count - 1] : NULL;
	int err = 0;

	if (!e)
		return usage("an option of an emulator stands before --emulator");
	if (strcmp(name, "--arg") == 0)
		e->args[e->arg_count++] = value;
	else if (strcmp(name, "--argv0-option") == 0)
		e->wire.argv0_option = value;
	else if (strcmp(name, "--magic") == 0)
		err = from_hex(value, e->magic, &e->wire.magic);
	else if (strcmp(name, "--mask") == 0)
		err = from_hex(value, e->mask, &e->wire.mask);
	else
		return usage("unknown option");
	return err ? usage("--magic and --mask want hexadecimal digits") : 0;
}

static int parse(struct options *o, int argc, char **argv)
{
	int err = 0;

	o->binds = calloc((size_t)argc + 1, sizeof(*o->binds));
	if (!o->binds)
		return usage("no memory");
	while (!err && argc > 0 && strcmp(argv[0], "--") != 0) {
		int used = 2;

		if (strcmp(argv[0], "--quiet") == 0) {
			o->quiet = 1;
			used = 1;
		} else if (strcmp(argv[0], "--bind") == 0 && argc > 2) {
			o->binds[o->bind_count++] = argv[1];
			o->binds[o->bind_count++] = argv[2];
			used = 3;
		} else if (strcmp(argv[0], "--emulator") == 0 && argc > 2) {
			err = add_emulator(o, argc, argv);
			used = 3;
		} else if (argc > 1) {
			err = emulator_option(o, argv[0], argv[1]);
		} else {
			return usage("a value or -- PROGRAM is missing");
		}
		argv += used;
		argc -= used;
	}
	if (err)
		return err;
	if (argc < 2)
		return usage("-- PROGRAM is missing");
	o->argv = argv + 1;
	return 0;
}

static void enter(struct options *o)
{
	static uint8_t records[65536], body[131072];
	char binfmt_why[512], binds_why[512];
	struct wire_entered entered = {0};
	struct wire_enter enter_it;
	int len = 0;

	for (size_t i = 0; i < o->emulator_count && len >= 0; i++)
		len = msg_put_record(&msg_emulator, &o->emulators[i].wire, records,
			sizeof(records), (size_t)len);
	if (len < 0)
		return;
	enter_it = (struct wire_enter){
		.emulators = {records, (uint32_t)len}, .binds = {.v = o->binds}};
	/* Through the codec, so that the view sees it in the shape in which the host
	 * sends it. */
	len = msg_encode(msg_find(WIRE_ENTER), &enter_it, body, sizeof(body));
	if (len < 0 || msg_decode(msg_find(WIRE_ENTER), body, (size_t)len, &enter_it) < 0)
		return;
	view_enter(&enter_it, &entered, binfmt_why, binds_why, sizeof(binfmt_why));
	if (!o->quiet && entered.binfmt_errno)
		fprintf(stderr,
			"xtest-runner: %s; scripts cannot start target programs\n",
			binfmt_why);
	if (!o->quiet && entered.binds_errno)
		fprintf(stderr, "xtest-runner: %s\n", binds_why);
}

/* The file that execvp() would take. */
static int find_program(const char *name, char *out, size_t size)
{
	const char *path = getenv("PATH");

	if (strchr(name, '/'))
		return snprintf(out, size, "%s", name) < (int)size ? 0 : -1;
	for (path = path ? path : "/usr/bin:/bin";; path++) {
		size_t len = strcspn(path, ":");

		if (snprintf(out, size, "%.*s%s%s", (int)len, path, len ? "/" : "",
			    name) < (int)size &&
			access(out, X_OK) == 0)
			return 0;
		path += len;
		if (!*path)
			return -1;
	}
}

static int matches(const struct wire_emulator *e, const uint8_t *head, size_t len)
{
	if (!e->magic.len || e->magic.len != e->mask.len || len < e->magic.len)
		return 0;
	for (uint32_t i = 0; i < e->magic.len; i++)
		if ((head[i] ^ e->magic.data[i]) & e->mask.data[i])
			return 0;
	return 1;
}

/* A program of a known architecture goes to its emulator at once: quicker, and right
 * without binfmt_misc too. */
static void run_emulated(struct options *o, const char *program)
{
	uint8_t head[MAGIC_MAX], body[16384];
	struct wire_emulator e;
	int fd = open(program, O_RDONLY | O_CLOEXEC), len;
	ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof(head));

	if (fd >= 0)
		close(fd);
	for (size_t i = 0; n > 0 && i < o->emulator_count; i++) {
		if (!matches(&o->emulators[i].wire, head, (size_t)n))
			continue;
		len = msg_encode(
			&msg_emulator, &o->emulators[i].wire, body, sizeof(body));
		if (len < 0 || msg_decode(&msg_emulator, body, (size_t)len, &e) < 0)
			continue;
		errno = -interp_exec(&e, program, o->argv);
		return;
	}
	execv(program, o->argv);
}

int direct_main(int argc, char **argv)
{
	static struct options options;
	char program[PATH_MAX];
	int err = parse(&options, argc, argv);

	if (err)
		return err;
	enter(&options);
	errno = ENOENT;
	if (find_program(options.argv[0], program, sizeof(program)) == 0)
		run_emulated(&options, program);
	fprintf(stderr, "xtest-runner: %s: %s\n", options.argv[0], strerror(errno));
	return errno == ENOENT ? 127 : 126;
}
