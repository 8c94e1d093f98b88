/*
 * What the files of the store share. stage.c: the directory, and what is asked of it;
 * stage-blob.c: blobs coming in; stage-tree.c: trees made of them.
 */
#ifndef XTEST_RUNNER_STAGE_PRIVATE_H
#define XTEST_RUNNER_STAGE_PRIVATE_H

#include "runner/stage.h"

#include <limits.h>

#define STAGE_HEX_SIZE (2 * WIRE_DIGEST_SIZE + 1)

struct stage {
	char work[PATH_MAX];
	int work_fd, store_fd;
	/* The blob that is being received, coded. */
	int coded_fd;
	uint8_t digest[WIRE_DIGEST_SIZE];
	uint64_t coded_bytes;
	bool refused; /* its STORED is sent, the rest of its pieces is not wanted */
	/* A large one is decoded by a process of its own: we go on answering. */
	pid_t decoder; /* 0: none */
	bool decoded;  /* with this result, which is still to be told */
	int decoder_err;
	uint32_t decoder_request;
	/* The first error since the last STAGED. */
	int tree_err;
	char tree_text[256];
	/* The file that is being sent. */
	int read_fd;
	uint32_t read_request;
	uint64_t read_offset, read_left;
};

/* ---- stage.c */

void stage_hex(const uint8_t *digest, char hex[STAGE_HEX_SIZE]);
/* For reading; -1 and errno when there is none. */
int stage_open_blob(const struct stage *s, const uint8_t *digest);

/* ---- stage-blob.c: 0, or as stage_request() */

int stage_take_blob(struct runner *r, uint32_t request, const struct wire_blob *b);
/* Tells about a blob that was decoded aside. */
void stage_tell_decoded(struct runner *r);

/* ---- stage-tree.c */

/* The entries in a blob, to be freed; false when there is no such blob, or no memory. */
bool stage_read_list(
	const struct stage *s, const uint8_t *digest, struct wire_bytes *list);
int stage_take_tree(struct runner *r, uint32_t request, const struct wire_tree *t);

#endif
