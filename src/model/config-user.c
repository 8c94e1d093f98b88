#include "model/config-user.h"

#include "base/fs.h"
#include "model/config-keys.h"
#include "model/config-read.h"

void config_user_free(struct config_user *u)
{
	if (!u)
		return;
	config_keys_release(config_table_user, u);
	config_origins_release(&u->origins);
	free(u->path);
	free(u);
}

/* NULL when there is no such file, or no home. The XDG Base Directory Specification wants
 * a path that is not absolute to be ignored. */
static char *default_path(void)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	autofree char *path = NULL;

	if (xdg && xdg[0] == '/')
		path = fs_join(xdg, "xtest/config.json");
	else if (home && home[0] == '/')
		path = fs_join(home, ".config/xtest/config.json");
	return path && fs_exists(path) ? take_ptr(path) : NULL;
}

static int read_file(struct config_user *u, struct err *e)
{
	autorelease(buf) struct buf text = BUF_INIT;

	if (fs_read_file(u->path, &text, e) < 0)
		return -1;
	return config_read_text(
		config_table_user, u, &u->origins, buf_str(&text), text.len, u->path, e);
}

struct config_user *config_user_load(const char *path, struct err *e)
{
	struct config_user *u = xcalloc(1, sizeof *u);

	config_keys_init(config_table_user, u);
	u->path = !path ? default_path() : streq(path, "none") ? NULL : xstrdup(path);
	if (!u->path || read_file(u, e) == 0)
		return u;
	config_user_free(u);
	return NULL;
}

const struct config_origin *config_user_origin(
	const struct config_user *u, const char *key)
{
	return config_origins_find(&u->origins, key);
}
