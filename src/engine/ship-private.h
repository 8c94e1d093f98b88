/* What shipment.c (what is to be sent), shipment-code.c (how it is coded) and shipping.c
 * (sending it) share. */
#ifndef XTEST_ENGINE_SHIP_PRIVATE_H
#define XTEST_ENGINE_SHIP_PRIVATE_H

#include "engine/ship.h"
#include "wire/wire.h"

#include <pthread.h>

/* The content of one or several files. */
struct ship_blob {
	uint8_t digest[WIRE_DIGEST_SIZE];
	char *path; /* owned: a file on this machine that has it */
	uint64_t size_bytes;
	/* Once it is coded. */
	enum wire_coding coding;
	uint64_t coded_bytes;
	uint64_t coded_at; /* in the shipment's file, unless it is sent as it is */
	bool coded;
};

struct ship_entry {
	char *name;                      /* owned: in the tree */
	const struct archive_item *item; /* NULL: a directory to mount on */
	size_t blob;                     /* of a file */
	bool copy;
};

struct shipment {
	const struct archive_roots *roots; /* borrowed */
	struct ship_entry *entries;
	size_t n_entries, cap_entries;
	struct ship_blob *blobs; /* sorted by digest */
	size_t n_blobs;
	uint64_t total_bytes;
	uint64_t mtime_s; /* of all files: when the shipment was made */
	char key[65];
	char *memory_dir; /* owned; NULL: nothing is remembered */
	int list_fd; /* of the tree's list, which is a blob, too; -1: there is none */
	size_t list_blob;

	/* The coder: blobs in the order of their numbers. */
	int coded_fd; /* a file without a name; -1 until something is coded */
	uint64_t coded_end;
	pthread_mutex_t lock; /* of what the coder writes: the blobs' coding, and this */
	pthread_cond_t done;
	pthread_t coder;
	bool coding, stop; /* the coder runs; it should not */
};

/* ---- shipment.c */

/* The number of the blob with the digest; SIZE_MAX when there is none. */
/* As it is in the tree. */
struct wire_entry shipment_wire_entry(
	const struct shipment *s, const struct ship_entry *entry);
size_t shipment_find_blob(const struct shipment *s, const uint8_t *digest);

/* ---- shipment-code.c */

void shipment_code_init(struct shipment *s);
void shipment_code_release(struct shipment *s);
/* Waits for the coder to reach the blob, or codes it. */
int shipment_code(struct shipment *s, size_t blob, struct err *e) MUST_CHECK;
/* Codes it into the empty file as what is different from the bytes of a file here, in a
 * coding that the runner's features have. False when that cannot be done, or is not worth
 * it. */
bool shipment_code_delta(const struct ship_blob *b, const char *base_path,
	uint32_t features, int to_fd, enum wire_coding *coding, uint64_t *coded_bytes);
/* A file without a name, beside the other temporary ones: the caller's. */
int shipment_code_nameless(struct err *e) MUST_CHECK;
/* Opens what is to be sent of a coded blob; *at is where in it. The descriptor is the
 * caller's. ERR_SETUP when the file is not as it was. */
int shipment_code_open(
	struct shipment *s, size_t blob, uint64_t *at, struct err *e) MUST_CHECK;

#endif
