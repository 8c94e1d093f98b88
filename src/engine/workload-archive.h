/* A workload and an archive: out of the one into the other, and back. */
#ifndef XTEST_ENGINE_WORKLOAD_ARCHIVE_H
#define XTEST_ENGINE_WORKLOAD_ARCHIVE_H

#include "engine/archive.h"
#include "engine/workload.h"

/* The request for the archive of one target: which suites the filter leaves (with the
 * fixtures they need), or of a shard the cases that are planned; runners, includes. Holds
 * what the request borrows; release it after the plan. */
struct workload_pack {
	struct archive_request request;
	struct suite_list target_suites,
		host_suites; /* shallow copies: only the arrays are owned */
	bool owns_cases;     /* and, in a shard, those of the cases */
	char *partition;
	struct archive_runner runners[2];
	char *runner_paths[2];
};

/* `plan` is that of the workload's shard, NULL without one. */
int workload_pack_init(struct workload_pack *pack, struct workload *w, size_t target,
	const struct filter_set *filter, const struct plan *plan,
	struct err *e) MUST_CHECK;
void workload_pack_release(struct workload_pack *pack);

/* archive_pack() with its progress as a step of the workload's events. */
int workload_pack_write(struct workload *w, struct archive_plan *plan, const char *path,
	int level, struct err *e) MUST_CHECK;

struct workload_unpack_options {
	const char *file;       /* "-" is standard input */
	const char *extract_to; /* NULL: a temporary directory */
	bool overwrite;
	const struct strv *places; /* --on: where it will be run */
	/* --workspace-remap; NULL: the archive's own sources, or where those were that an
	 * archive of nextest was built of. */
	const char *workspace;
	/* What will be run of it. With a temporary directory only what its suites need is
	 * written. May be NULL. */
	const struct filter_set *filter;
	/* Nothing will be run: programs are needed only if one must be asked for its
	 * cases. */
	bool look;
};

/* In place of workload_build(): unpacks the archive and fills the one target of the
 * workload with its suites, their paths as they were where it was built; places mount the
 * trees there. *extracted is the caller's, and the tree when it is temporary. */
int workload_unpack(struct workload *w, const struct workload_unpack_options *o,
	char **extracted, struct err *e) MUST_CHECK;

/* Makes the target of this name (or triple) the workload's one target. ERR_SETUP when it
 * is not known, or another one was asked for. */
int workload_archive_target(
	struct workload *w, const char *name, struct err *e) MUST_CHECK;
/* Whether the places will show the trees of `t` where they were built. `suites` are all
 * there are of it. ERR_SETUP when the places asked for cannot do with that. */
int workload_archive_place(struct workload *w, struct workload_target *t,
	const struct strv *places, const struct suite_list *suites,
	enum archive_placing *placing, struct err *e) MUST_CHECK;

#endif
