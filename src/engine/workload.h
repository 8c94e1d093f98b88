/*
 * Everything a run, a listing or an archive is made of: for each target its toolchain and
 * suites (built here, or taken out of an archive), and for each column of the report the
 * suites that belong there and the place they run on. The verbs fill it step by step and
 * see nothing of adapters, frameworks or transports.
 */
#ifndef XTEST_ENGINE_WORKLOAD_H
#define XTEST_ENGINE_WORKLOAD_H

#include "engine/archive.h"
#include "engine/build.h"
#include "engine/launch.h"
#include "engine/place.h"
#include "filter/filter-set.h"
#include "image/image.h"
#include "model/history.h"
#include "model/partition.h"
#include "model/plan.h"
#include "model/target.h"

struct workload_nextest;

/* One target of the run. */
struct workload_target {
	const struct target *target; /* borrowed from the workload's list */
	struct toolchain toolchain;
	struct build_result build; /* the suites of both platforms */
	struct archive_roots
		roots; /* where an archive's trees were and are; empty when built here */
	bool mounted;  /* places show the trees where they were */
	struct strv binds; /* mounts that put an archive's trees where they were built;
			      empty when built here */
	struct archive_reader *archive;   /* that it came from; NULL when built here */
	struct workload_nextest *nextest; /* a build that cargo-nextest describes; NULL */
};

struct workload_board;
struct workload_content;
struct script_set;
struct workload_machine;
struct rerun;

/* One column of the report. */
struct workload_column {
	struct event_column event;                /* what reporters see */
	size_t target;                            /* index into targets: whose suites */
	enum platform platform;                   /* which of them */
	char *label, *uri, *detail, *runner_path; /* owned */
	char *emulator, *kernel;                  /* owned; `event` points to them */
	struct launch launch;
	bool renewable;        /* its places can be made anew: they are machines */
	struct place **places; /* owned, each; opened when needed */
	size_t n_places;
	bool staged;                      /* its places see nothing of this machine */
	struct workload_content *content; /* what is sent there, when needed; NULL else */
	struct workload_board *board;     /* of `ssh://…`, when needed; NULL else */
	struct workload_machine *machine; /* of `system`, when needed; NULL else */
	char *unreachable; /* owned: why no place is to be had; with lose_unreachable */
};

/* How the machines of `system` are to be; what is 0 or NULL is the configuration's
 * business. */
struct workload_machine_options {
	unsigned memory_mib, cpus;
	const char *kernel, *initramfs; /* files */
	const char *gdb;                /* QEMU's -gdb argument; NULL: none */
	bool no_snapshots;
};

/* How boards are reached and shared. */
struct workload_board_options {
	const char *ssh_config;  /* NULL: $XTEST_SSH_CONFIG, else the user's own */
	bool accept_new;         /* keys of hosts nobody knows */
	int64_t lock_timeout_ms; /* 0: ten minutes */
	bool each; /* every case runs on every board; else they share them */
};

struct workload {
	const struct project *project;
	const struct emit *emit;
	struct interrupt *interrupt;
	struct target_list known; /* all targets there are */
	const struct target *host;
	struct toolchain host_toolchain;
	struct workload_target *targets;
	size_t n_targets;
	struct workload_column *columns;
	size_t n_columns;
	struct config_settings
		settings; /* of the profile; borrows from the project's configuration */
	const char *profile;            /* borrowed; NULL: none was named */
	struct script_set *scripts;     /* of the run, once arranged; owned */
	struct strv environment;        /* of local and user places */
	struct strv staged_environment; /* of the others */
	bool verbose;
	struct workload_machine_options machine;
	struct workload_board_options board;
	struct image_recipe_list recipes; /* when needed */
	unsigned jobs;
	bool jobs_said; /* for this run; else it is the number of this machine */
	/* A column whose boards are all out of reach is told of its cases, and is no
	 * error. */
	bool lose_unreachable;
	bool has_links;             /* deps and rdeps of the suites are known */
	struct partition partition; /* which shard of what is selected is planned */
	enum config_fresh fresh;    /* how often machines are made anew */
	char *run_id;
	struct history *history;   /* once asked for */
	const struct rerun *rerun; /* borrowed: what has passed there is not selected;
				      NULL */
};

struct workload_options {
	const struct strv *targets; /* names; empty: the configuration's, else the host */
	const struct strv *places;  /* --on, each a list with commas; empty: the
				       configuration's, else `user` for a foreign target
				       and  `local` otherwise */
	const char *adapter;        /* NULL: the configuration's, else the best bidder */
	const char *profile;        /* of the configuration; NULL: its top level */
	const struct strv *build_args;
	unsigned jobs;      /* 0: the configuration's, else `user_jobs` */
	unsigned user_jobs; /* 0: as many as there are processors */
	bool verbose;
	int64_t grace_ms;
	const char *user;        /* run tests as this user; NULL: as the one we are */
	enum config_fresh fresh; /* UNSET: the configuration's, else for the run */
	struct workload_machine_options machine;
	struct workload_board_options board;
	struct partition partition;
};

/* Knows the targets and resolves what is asked for; builds nothing. Borrows project, emit
 * and interrupt. */
int workload_open(struct workload *w, const struct project *project,
	const struct workload_options *o, const struct emit *emit,
	struct interrupt *interrupt, struct err *e) MUST_CHECK;
void workload_release(struct workload *w);
/* What earlier runs of the project have told of its cases, read when it is first asked
 * for. Borrowed. */
const struct history *workload_history(struct workload *w);
/* Refuses targets, places and frameworks of the configuration's conditions that nobody
 * knows (ERR_SETUP). Of workload_open(). */
int workload_config_check(const struct workload *w, struct err *e) MUST_CHECK;

/* One more target, resolved. */
int workload_add_target(
	struct workload *w, const struct target *target, struct err *e) MUST_CHECK;
/* Appends what starts a program of the target on this machine, "xtest exec …", for those
 * who are told of an emulator; nothing where none is needed. */
void workload_exec_wrapper(const struct workload_target *t, struct strv *wrapper);
/* Builds every target with the adapters; without any, the configuration's, else the host.
 */
int workload_build(
	struct workload *w, const struct workload_options *o, struct err *e) MUST_CHECK;
/* Applies the configuration's overrides, recognises frameworks, and makes the columns.
 * After build (or after the suites were filled from an archive). */
int workload_arrange(
	struct workload *w, const struct workload_options *o, struct err *e) MUST_CHECK;

/* Finds out what deps() and rdeps() match of each suite; once. */
void workload_links(struct workload *w);
/* Refuses what in the filter (ERR_FILTER) or in the configuration's filters (ERR_SETUP)
 * names nothing there is. After workload_arrange(). */
int workload_filter_check(
	struct workload *w, const struct filter_set *filter, struct err *e) MUST_CHECK;
/* A filter of the configuration asks for them. */
bool workload_filter_needs_links(const struct workload *w);

/* Checks the filter, and asks the programs for their cases (those whose suites the filter
 * cannot rule out), from the cache where they did not change. Opens places only when
 * something must be asked. A limit of 0 is the configured one. */
int workload_list(struct workload *w, const struct filter_set *filter, int64_t timeout_ms,
	struct err *e) MUST_CHECK;
/* What leads to a place, or to the boards a word or list of --on means; NULL: nothing. */
const struct transport *workload_transport(const struct workload *w, const char *word);
/* The places that were asked for, one by one. */
void workload_split_places(
	const struct workload *w, const struct strv *places, struct strv *uris);
/* Opens the places of all columns that have something to run in the plan, and waits until
 * each column has one that is up; others may be coming then. Tells what they are. */
int workload_open_places(
	struct workload *w, const struct plan *plan, struct err *e) MUST_CHECK;
/* The same for one column. */
int workload_open_column(
	struct workload *w, struct workload_column *column, struct err *e) MUST_CHECK;
/* Closes the places of all columns, side by side. */
void workload_close_places(struct workload *w);

enum run_ignored { RUN_IGNORED_DEFAULT, RUN_IGNORED_ONLY, RUN_IGNORED_ALL };

/* Selects cases into the plan: those of the filter, of them those of the workload's
 * shard, and the fixtures they need. */
int workload_plan(struct workload *w, const struct filter_set *filter,
	enum run_ignored ignored, struct plan *plan, struct err *e) MUST_CHECK;

/* Leaves in the plan, of which no links are made yet, what is in the workload's shard. A
 * case is in the same shard on every column; a fixture goes to each shard that needs it
 * (and is left to workload_plan() to add), and is shared out only when nobody does. */
void workload_partition(struct workload *w, struct plan *plan);

/* True when the suite belongs to the column. */
bool workload_in_column(const struct workload_column *column, const struct suite *suite);
struct suite_list *workload_suites(
	struct workload *w, const struct workload_column *column);

#endif
