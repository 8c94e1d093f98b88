/*
 * Cargo's configuration of a project, as cargo itself reads it: all its files with what
 * they include, and the environment over them.
 */
#ifndef XTEST_ADAPTER_CARGO_CONFIG_H
#define XTEST_ADAPTER_CARGO_CONFIG_H

#include "adapter/adapter.h"

struct cargo_config {
	struct json *root;   /* owned; NULL: nothing is configured, or nobody can tell */
	struct strv origins; /* "KEY FILE" of values that are relative to their file */
};

/* Asks cargo in the project's directory, with what the user gave it of configuration
 * (`--config …`). A cargo that cannot tell is no error: there is no configuration then.
 */
int cargo_config_load(struct cargo_config *c, const struct build_request *request,
	const struct strv *options, struct err *e) MUST_CHECK;
void cargo_config_release(struct cargo_config *c);

/* Appends "NAME=VALUE" of the [env] table: what is forced, and what `environment` (NULL:
 * the process's) does not have. */
void cargo_config_env(
	const struct cargo_config *c, const struct strv *environment, struct strv *out);
/* True when the table has NAME, forced or not. */
bool cargo_config_sets_env(const struct cargo_config *c, const char *name);
/* True when target.TRIPLE.KEY is there, in a file or as CARGO_TARGET_TRIPLE_KEY. */
bool cargo_config_has_target(
	const struct cargo_config *c, const char *triple, const char *key);
/* Appends the words of the runner for a triple: the environment's, target.TRIPLE.runner,
 * or that of the cfg() that holds among `cfgs`, the lines of `rustc --print cfg`. */
void cargo_config_runner(const struct cargo_config *c, const char *triple,
	const struct strv *cfgs, struct strv *words);
/* Some cfg() has a runner: its lines are needed. */
bool cargo_config_needs_cfgs(const struct cargo_config *c);
/* Whether "cfg(…)" holds (The Rust Reference, "Conditional compilation"). What is not
 * understood does not. */
bool cargo_config_cfg_holds(const char *text, const struct strv *cfgs);
/* "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER"; the caller's. */
char *cargo_config_variable(const char *triple, const char *key);

#endif
