#include "engine/workload-rules.h"

#include "base/fs.h"

static int64_t available_kib(void)
{
	autorelease(buf) struct buf text = BUF_INIT;
	const char *line;
	struct err ignored;

	if (fs_read_file("/proc/meminfo", &text, &ignored) < 0)
		return 0;
	line = strstr(buf_str(&text), "MemAvailable:");
	return line ? strtoll(line + strlen("MemAvailable:"), NULL, 10) : 0;
}

static void find_groups(
	const struct config *config, unsigned jobs, struct workload_rules *rules)
{
	rules->n_groups = config->groups.len;
	rules->groups = xcalloc(rules->n_groups, sizeof *rules->groups);
	for (size_t i = 0; i < rules->n_groups; i++)
		rules->groups[i] = (struct schedule_group){
			.name = config->groups.v[i].name,
			.max_threads = rules_count(config->groups.v[i].max_threads, jobs),
		};
}

/* The one that comes along; where it is not installed there is none. */
static void find_hooks(const char *text, struct workload_rules *rules)
{
	struct err ignored;
	autofree char *dir = target_data_dir(&ignored);
	autofree char *path = dir ? fs_join(dir, "targets/backtrace") : NULL;

	if (text)
		strv_push_array(
			&rules->hook, (const char *const[]){"sh", "-c", text, NULL});
	if (path && fs_exists(path))
		strv_push_array(
			&rules->usual_hook, (const char *const[]){"sh", path, NULL});
}

int workload_rules_find(struct workload *w, const struct plan *plan,
	const struct workload_rules_options *o, struct workload_rules *rules,
	struct err *e)
{
	autofree const struct launch **launches = xcalloc(w->n_columns, sizeof *launches);
	struct rules_source source = {
		.config = w->project->config,
		.profile = o->profile,
		.history = workload_history(w),
		.jobs = w->jobs,
		.timeout_ms = o->timeout_ms,
		.idle_ms = o->idle_ms,
		.cpu_ms = o->cpu_ms,
		.retries = o->retries,
		.flaky_result = o->flaky_result,
	};

	find_hooks(o->hook, rules);
	source.hook = o->hook ? &rules->hook : NULL;
	source.usual_hook = rules->usual_hook.len ? &rules->usual_hook : NULL;
	for (size_t i = 0; i < w->n_columns; i++)
		launches[i] = &w->columns[i].launch;
	rules->v = rules_find_all(&source, launches, plan, e);
	if (!rules->v)
		return -1;
	find_groups(w->project->config, w->jobs, rules);
	rules->memory_kib = available_kib();
	return 0;
}

void workload_rules_release(struct workload_rules *rules)
{
	free(rules->v);
	free(rules->groups);
	strv_release(&rules->hook);
	strv_release(&rules->usual_hook);
	*rules = (struct workload_rules){0};
}

void workload_rules_apply(const struct workload_rules *rules, struct schedule_options *o)
{
	o->rules = rules->v;
	o->groups = rules->groups;
	o->n_groups = rules->n_groups;
	o->memory_kib = rules->memory_kib;
	o->seed = (uint32_t)now_ms();
}
