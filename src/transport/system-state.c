#include "transport/system-private.h"

#include "base/fs.h"
#include "base/hash.h"
#include "image/image.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STATE_FORMAT = 2, CALL_LIMIT_MS = 10000, SAVE_LIMIT_MS = 30000 };

/* The program as it is now: path, size, time. NULL when it is not there. */
static char *program_identity(const char *program)
{
	struct stat st;

	if (stat(program, &st) < 0)
		return NULL;
	return xasprintf("%s %lld %lld.%09ld", program, (long long)st.st_size,
		(long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

/* What a state of this machine at this level depends on. The caller's. */
static char *state_key(const struct system *s, enum link_level level)
{
	const struct qemu_options o = {.config = s->config, .kvm = s->kvm};
	autofree char *program = program_identity(s->program), *text = NULL;
	autorelease(strv) struct strv words = STRV_INIT;
	char hex[HASH_HEX_SIZE];

	if (!program)
		return NULL;
	strv_pushf(&words, "format %d", STATE_FORMAT);
	strv_push(&words, program);
	qemu_shape(&o, &words);
	strv_push(&words, s->config->image->key);
	if (level == LINK_STAGED)
		strv_push(&words, s->config->content);
	text = strv_quote(&words);
	hash_memory(text, strlen(text), hex);
	return xstrdup(hex);
}

/* What state_is_stale() and a person read. */
static char *about_state(const struct system *s, enum link_level level)
{
	autofree char *program = program_identity(s->program);

	return xasprintf("%s, %s, %u MiB\nqemu %s\nimage %s\n", s->config->recipe->name,
		level == LINK_STAGED ? "staged" : "booted", s->config->memory_mib,
		program ? program : "", s->config->image->dir);
}

/* No machine will ever ask for it again: its QEMU was replaced, its image deleted. */
static bool state_is_stale(const char *about)
{
	const char *line;
	size_t len, pos = 0;

	while (buf_next_line(about, strlen(about), &pos, &line, &len)) {
		autofree char *text = xstrndup(line, len);

		if (starts_with(text, "image ") && !fs_is_dir(text + strlen("image ")))
			return true;
		if (starts_with(text, "qemu ")) {
			autofree char *path = xstrdup(text + strlen("qemu ")),
				      *now = NULL;

			path[strcspn(path, " ")] = '\0';
			now = program_identity(path);
			if (!now || !streq(now, text + strlen("qemu ")))
				return true;
		}
	}
	return false;
}

static void drop_stale(struct system *s)
{
	autorelease(strv) struct strv keys = STRV_INIT;

	state_list(s->states, &keys);
	for (size_t i = 0; i < keys.len; i++) {
		autofree char *about = state_about(s->states, keys.v[i]);

		if (!about || state_is_stale(about))
			state_remove(s->states, keys.v[i]);
	}
}

static bool level_is_kept(const struct system *s, enum link_level level)
{
	return s->states && level > LINK_FRESH &&
	       (level != LINK_STAGED || s->config->content);
}

/* ---- going on */

/* Goes on from devices that arrive over `state_fd`. The answers are not waited for: the
 * machine runs, or its monitor says why not. */
static int send_restore(struct system *s, int state_fd, struct err *e)
{
	char from[64];

	snprintf(from, sizeof from, "{\"uri\":\"fd:%d\"}", state_fd);
	if (qmp_send(s->qmp, "migrate-set-capabilities", IGNORE_SHARED, -1, e) < 0)
		return -1;
	return qmp_send(s->qmp, "migrate-incoming", from, -1, e);
}

/* Starts QEMU, which waits for what to go on from. What is staged is not saved again: the
 * machine may write over a private map of the state's own file. What was only booted gets
 * memory of its own, to be saved from. */
static int start_waiting(
	struct system *s, enum link_level level, int state_fd, struct err *e)
{
	int ram_fd;

	if (level == LINK_STAGED) {
		ram_fd = fcntl(state_fd, F_DUPFD_CLOEXEC, 0);
		if (ram_fd < 0)
			return err_sys(e, errno, "use a saved state");
		return system_start(s, ram_fd, false, state_fd, e);
	}
	ram_fd = machine_new_ram(system_ram_bytes(s), e);
	if (ram_fd < 0)
		return -1;
	if (state_copy_ram(state_fd, system_ram_bytes(s), ram_fd, e) < 0) {
		close(ram_fd);
		return -1;
	}
	return system_start(s, ram_fd, true, state_fd, e);
}

/* The state is verified while QEMU starts, and before anything goes on from it. */
static int restore(struct system *s, enum link_level level, const char *key, int state_fd,
	struct err *e)
{
	if (start_waiting(s, level, state_fd, e) < 0 ||
		state_verify(s->states, key, state_fd, system_ram_bytes(s), e) < 0)
		return -1;
	return send_restore(s, state_fd, e);
}

/* LINK_FRESH when there is no good state to go on from. */
enum link_level system_restore(struct system *s, enum link_level level)
{
	autofree char *key = level_is_kept(s, level) ? state_key(s, level) : NULL;
	autoclose int state_fd = -1;
	struct err e = {0};

	if (!key)
		return LINK_FRESH;
	switch (state_open(s->states, key, system_ram_bytes(s), &state_fd, &e)) {
	case STATE_NONE:
		return LINK_FRESH;
	case STATE_BAD:
		break;
	case STATE_GOOD:
		if (restore(s, level, key, state_fd, &e) == 0) {
			s->restored = take_ptr(key);
			return level;
		}
		system_forget(s);
		break;
	}
	free(s->note);
	s->note = xstrdup(e.msg);
	return LINK_FRESH;
}

/* ---- saving */

static int wait_migrated(struct system *s, struct err *e)
{
	int64_t deadline = now_ms() + SAVE_LIMIT_MS;

	for (;;) {
		struct json *info = NULL;
		autofree char *status = NULL, *words = NULL;

		if (qmp_call(s->qmp, "query-migrate", NULL, -1, CALL_LIMIT_MS, &info, e) <
			0)
			return -1;
		status = xstrdup(
			json_find_string(json_find(info, "return"), "status", "none"));
		words = xstrdup_null(
			json_find_string(json_find(info, "return"), "error-desc", NULL));
		json_free(info);
		if (streq(status, "completed"))
			return 0;
		if (streq(status, "failed") || streq(status, "cancelled"))
			return err_set(e, ERR_INFRA,
				"QEMU could not save the machine: %s",
				words ? words : status);
		if (now_ms() >= deadline)
			return err_set(e, ERR_INFRA,
				"QEMU has not saved the machine within %d s",
				SAVE_LIMIT_MS / 1000);
		poll(NULL, 0, 1);
	}
}

/* The migration itself stops the machine and leaves it so; told to stop before, it would
 * be stopped when it is restored, too. */
static int save_standing(struct system *s, int fd, uint64_t *sum, struct err *e)
{
	if (qmp_call(s->qmp, "getfd", "{\"fdname\":\"state\"}", fd, CALL_LIMIT_MS, NULL,
		    e) < 0 ||
		qmp_call(s->qmp, "migrate", "{\"uri\":\"fd:state\"}", -1, CALL_LIMIT_MS,
			NULL, e) < 0 ||
		wait_migrated(s, e) < 0)
		return -1;
	return state_add_ram(fd, system_ram_bytes(s), s->machine.ram_fd, sum, e);
}

static int save_as(
	struct system *s, enum link_level level, const char *key, struct err *e)
{
	autoclose int fd = state_begin(s->states, system_ram_bytes(s), e);
	autofree char *about = NULL;
	struct err ignored;
	uint64_t sum = 0;
	int status;

	if (fd < 0 || qmp_call(s->qmp, "migrate-set-capabilities", IGNORE_SHARED, -1,
			      CALL_LIMIT_MS, NULL, e) < 0)
		return -1;
	status = save_standing(s, fd, &sum, e);
	if (qmp_call(s->qmp, "cont", NULL, -1, CALL_LIMIT_MS, NULL,
		    status < 0 ? &ignored : e) < 0 ||
		status < 0)
		return -1;
	about = about_state(s, level);
	drop_stale(s);
	return state_finish(s->states, key, fd, system_ram_bytes(s), sum, about, e);
}

int system_save(struct link *link, enum link_level level, struct err *e)
{
	struct system *s = link->state;
	autofree char *key = level_is_kept(s, level) ? state_key(s, level) : NULL;

	if (!key || state_exists(s->states, key))
		return 0;
	return save_as(s, level, key, e);
}

void system_distrust(struct link *link)
{
	struct system *s = link->state;

	if (s->restored)
		state_remove(s->states, s->restored);
}
