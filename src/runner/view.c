#include "runner/view.h"

#include "runner/bind.h"
#include "runner/interp.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/random.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define BINFMT "/proc/sys/fs/binfmt_misc"

/* One of the two things a view is made of. */
struct part {
	bool wanted;
	int err;
	char *why;
	size_t size;
};

static bool is_open(const struct part *p)
{
	return p->wanted && !p->err;
}

/* The first error stays. */
static void fail(struct part *p, int err, const char *what)
{
	if (!is_open(p))
		return;
	p->err = err;
	snprintf(p->why, p->size, "%s: %s", what, strerror(-err));
}

static int write_file(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != (ssize_t)len)
		err = errno ? -errno : -EIO;
	close(fd);
	return err;
}

static int write_proc(pid_t pid, const char *name, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return write_file(path, text, strlen(text));
}

/* ---- the user namespace: everybody keeps the number they have */

/* The map that gives each id of this namespace itself. */
static int identity_map(const char *name, char *out, size_t size)
{
	char path[64];
	unsigned long inside, outside, count;
	size_t len = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (fscanf(f, "%lu %lu %lu", &inside, &outside, &count) == 3 && len < size)
		len += (size_t)snprintf(
			out + len, size - len, "%lu %lu %lu\n", inside, inside, count);
	fclose(f);
	return len && len < size ? 0 : -EIO;
}

/* A map of more than oneself can only be written from outside, so a child that stays
 * there does it. */
static int become_all(int unshare_flags)
{
	char uids[4096], gids[4096];
	pid_t parent = getpid(), child;
	int go[2], err, status = 0;
	char byte = 0;

	err = identity_map("uid_map", uids, sizeof(uids));
	if (!err)
		err = identity_map("gid_map", gids, sizeof(gids));
	if (err || pipe2(go, O_CLOEXEC) < 0)
		return err ? err : -errno;
	child = fork();
	if (child < 0)
		return -errno;
	if (child == 0) {
		close(go[1]);
		if (read(go[0], &byte, 1) != 1)
			_exit(0);
		err = write_proc(parent, "uid_map", uids);
		_exit(-(err ? err : write_proc(parent, "gid_map", gids)));
	}
	close(go[0]);
	if (unshare(unshare_flags) < 0)
		err = -errno;
	else if (write(go[1], &byte, 1) != 1)
		err = -errno;
	close(go[1]);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	return err ? err : -WEXITSTATUS(status);
}

/* Without privilege only oneself can be given a number. */
static int become_one(int unshare_flags, unsigned int uid, unsigned int outer_uid,
	unsigned int gid, unsigned int outer_gid)
{
	char uids[64], gids[64];
	int err;

	snprintf(uids, sizeof(uids), "%u %u 1", uid, outer_uid);
	snprintf(gids, sizeof(gids), "%u %u 1", gid, outer_gid);
	if (unshare(unshare_flags) < 0)
		return -errno;
	err = write_proc(getpid(), "setgroups", "deny");
	if (!err || err == -ENOENT)
		err = write_proc(getpid(), "uid_map", uids);
	return err ? err : write_proc(getpid(), "gid_map", gids);
}

/* The files of a binfmt_misc belong to user 0 of its namespace, so an ordinary user is 0
 * while everything is set up, and gets the own number back in a namespace inside; the
 * kernel looks for handlers in the outer ones too. */
static int enter_namespaces(bool own_users, uid_t uid, gid_t gid)
{
	int flags = CLONE_NEWNS | (own_users ? CLONE_NEWUSER : 0), err = 0;

	if (!own_users)
		err = unshare(flags) < 0 ? -errno : 0;
	else if (uid == 0)
		err = become_all(flags);
	else
		err = become_one(flags, 0, uid, 0, gid);
	if (err)
		return err;
	return mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ? -errno : 0;
}

static int leave_root(uid_t uid, gid_t gid)
{
	return uid == 0 ? 0 : become_one(CLONE_NEWUSER, uid, 0, gid, 0);
}

/* ---- binfmt_misc */

static bool kernel_is(unsigned int major, unsigned int minor)
{
	unsigned int a = 0, b = 0;
	struct utsname name;

	uname(&name);
	return sscanf(name.release, "%u.%u", &a, &b) == 2 &&
	       (a > major || (a == major && b >= minor));
}

static size_t put_escaped(
	char *out, size_t size, size_t len, const struct wire_bytes *bytes)
{
	for (uint32_t i = 0; i < bytes->len && len + 5 < size; i++)
		len += (size_t)snprintf(out + len, size - len, "\\x%02x", bytes->data[i]);
	return len;
}

static int register_emulator(const struct wire_emulator *e)
{
	/* The kernel takes no longer line. */
	char line[1920];
	size_t len;
	int fd, err;

	if (!e->name[0] || strchr(e->name, ':') || strchr(e->name, '/') ||
		!e->magic.len || e->magic.len != e->mask.len)
		return -EINVAL;
	if (access(e->path, X_OK) < 0)
		return -errno;
	fd = interp_make(e);
	if (fd < 0)
		return fd;
	/* F: the kernel opens the interpreter now and keeps it. P: the program's own
	 * argv[0] is told. */
	len = (size_t)snprintf(line, sizeof(line), ":%s:M:0:", e->name);
	len = put_escaped(line, sizeof(line), len, &e->magic);
	len += (size_t)snprintf(line + len, sizeof(line) - len, ":");
	len = put_escaped(line, sizeof(line), len, &e->mask);
	len += (size_t)snprintf(
		line + len, sizeof(line) - len, ":/proc/self/fd/%d:FP", fd);
	err = write_file(BINFMT "/register", line, len);
	close(fd);
	return err;
}

static int mount_binfmt(void)
{
	int fd;

	if (mount("binfmt_misc", BINFMT, "binfmt_misc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		    NULL) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	/* The directory comes with the module: have the kernel load it by asking for its
	 * file system. */
	fd = (int)syscall(SYS_fsopen, "binfmt_misc", 0);
	if (fd < 0)
		return -errno;
	close(fd);
	return mount("binfmt_misc", BINFMT, "binfmt_misc",
		       MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0
		       ? -errno
		       : 0;
}

static void register_all(const struct wire_bytes *emulators, struct part *binfmt)
{
	struct wire_emulator e;
	char what[256];
	size_t at = 0;
	int more, err = mount_binfmt();

	if (err) {
		fail(binfmt, err, "a private binfmt_misc cannot be mounted");
		return;
	}
	while ((more = msg_next_record(&msg_emulator, emulators, &at, &e)) > 0) {
		err = register_emulator(&e);
		if (!err)
			continue;
		snprintf(what, sizeof(what), "%s cannot be registered for %s", e.path,
			e.name);
		fail(binfmt, err, what);
	}
	if (more < 0)
		fail(binfmt, more, "the request cannot be read");
}

/* ---- the whole */

static void bind_all(const struct wire_list *list, bool all_private, struct part *binds)
{
	const char *at = NULL, *source, *target;
	char what[512];

	while ((source = msg_list_next(list, &at)) &&
		(target = msg_list_next(list, &at))) {
		int err = bind_at(source, target, all_private);

		if (!err)
			continue;
		snprintf(what, sizeof(what), "%s cannot be shown at %s", source, target);
		fail(binds, err, what);
	}
}

/* False when nothing is left to be done. */
static bool enter_what_is_allowed(
	struct part *binfmt, struct part *binds, uid_t uid, gid_t gid)
{
	int err;

	if (is_open(binfmt) || (is_open(binds) && uid != 0)) {
		err = enter_namespaces(true, uid, gid);
		if (!err)
			return true;
		fail(binfmt, err, "a private user and mount namespace is refused");
		/* Root needs no user namespace to bind; one that was half entered is no
		 * place for it. */
		if (uid != 0 || geteuid() != 0)
			fail(binds, err, "a private user and mount namespace is refused");
	}
	if (!is_open(binds))
		return false;
	err = enter_namespaces(false, uid, gid);
	if (err)
		fail(binds, err, "a private mount namespace is refused");
	return !err;
}

static void fill_view(const struct wire_enter *enter, struct part *binfmt,
	struct part *binds, uid_t uid, gid_t gid)
{
	char cwd[PATH_MAX];
	int err;

	if (!getcwd(cwd, sizeof(cwd)))
		memcpy(cwd, "/", sizeof("/"));
	if (is_open(binfmt))
		register_all(&enter->emulators, binfmt);
	if (is_open(binds))
		bind_all(&enter->binds, false, binds);
	err = leave_root(uid, gid);
	if (err) {
		fail(binfmt, err, "the own user number cannot be restored");
		fail(binds, err, "the own user number cannot be restored");
	}
	/* The directory may have been covered: see it anew. If it is no more, we stay
	 * where we are. */
	if (binds->wanted && chdir(cwd) < 0 && errno != ENOENT)
		fail(binds, -errno, cwd);
}

static void tell(
	struct wire_entered *entered, const struct part *binfmt, const struct part *binds)
{
	if (is_open(binfmt))
		entered->done |= WIRE_VIEW_BINFMT;
	if (is_open(binds))
		entered->done |= WIRE_VIEW_BINDS;
	entered->binfmt_errno = (uint32_t)-binfmt->err;
	entered->binds_errno = (uint32_t)-binds->err;
}

void view_enter(const struct wire_enter *enter, struct wire_entered *entered,
	char *binfmt_why, char *binds_why, size_t size)
{
	struct part binfmt = {enter->emulators.len, 0, binfmt_why, size};
	struct part binds = {enter->binds.count, 0, binds_why, size};
	uid_t uid = geteuid();
	gid_t gid = getegid();

	binfmt_why[0] = binds_why[0] = '\0';
	if (!kernel_is(6, 7))
		fail(&binfmt, -ENOSYS, "a private binfmt_misc needs Linux 6.7 or later");
	if (enter_what_is_allowed(&binfmt, &binds, uid, gid))
		fill_view(enter, &binfmt, &binds, uid, gid);
	tell(entered, &binfmt, &binds);
}

void view_bind(const struct wire_enter *enter, int mounts_fd,
	struct wire_entered *entered, char *binfmt_why, char *binds_why, size_t size)
{
	struct part binfmt = {enter->emulators.len, 0, binfmt_why, size};
	struct part binds = {enter->binds.count, 0, binds_why, size};
	int own_fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);

	binfmt_why[0] = binds_why[0] = '\0';
	fail(&binfmt, -EOPNOTSUPP, "a machine is no emulator's place");
	if (own_fd < 0 || (mounts_fd >= 0 && setns(mounts_fd, CLONE_NEWNS) < 0))
		fail(&binds, -errno, "the tests' mount namespace cannot be entered");
	if (is_open(&binds))
		bind_all(&enter->binds, true, &binds);
	if (own_fd >= 0) {
		setns(own_fd, CLONE_NEWNS);
		close(own_fd);
	}
	tell(entered, &binfmt, &binds);
}

int view_add_entropy(const uint8_t *data, size_t len)
{
	struct {
		struct rand_pool_info head;
		uint8_t data[512];
	} pool;
	int fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (len > sizeof(pool.data))
		len = sizeof(pool.data);
	pool.head.entropy_count = (int)(8 * len);
	pool.head.buf_size = (int)len;
	memcpy((uint8_t *)&pool + sizeof(pool.head), data, len);
	if (ioctl(fd, RNDADDENTROPY, &pool) < 0 || ioctl(fd, RNDRESEEDCRNG) < 0)
		err = -errno;
	close(fd);
	return err;
}
