#include "engine/project.h"

#include "base/fs.h"

int project_open(struct project *p, const char *dir, struct err *e)
{
	const char *state = getenv("XTEST_STATE_DIR");

	*p = (struct project){.root = fs_real_path(dir ? dir : ".", e)};
	if (!p->root)
		return -1;
	p->name = xstrdup(*fs_basename(p->root) ? fs_basename(p->root) : "root");
	p->state_given = state && *state;
	p->state_dir =
		state && *state ? fs_normalize(state, NULL) : fs_join(p->root, ".xtest");
	p->config = config_load_project(p->root, e);
	if (!p->config) {
		project_release(p);
		return -1;
	}
	p->source_dir = p->config->source ? fs_normalize(p->config->source, p->root)
					  : xstrdup(p->root);
	return 0;
}

void project_release(struct project *p)
{
	config_free(p->config);
	free(p->root);
	free(p->source_dir);
	free(p->name);
	free(p->state_dir);
	*p = (struct project){0};
}

int project_make_state(const struct project *p, struct err *e)
{
	static const char everything[] = "*\n";
	autofree char *ignore = fs_join(p->state_dir, ".gitignore");

	if (fs_mkdir_p(p->state_dir, e) < 0 ||
		fs_write_if_changed(ignore, everything, sizeof everything - 1, 0644, e) <
			0)
		return err_context(e,
			"xtest keeps its builds in %s; set XTEST_STATE_DIR to a writable "
			"directory to keep them elsewhere",
			p->state_dir);
	return 0;
}
