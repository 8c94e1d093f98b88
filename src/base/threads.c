#include "base/threads.h"

#include "base/util.h"

#include <pthread.h>
#include <unistd.h>

unsigned threads_processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return (unsigned)MAX(n, 1);
}

void threads_share(unsigned n, void *(*work)(void *ctx), void *ctx)
{
	pthread_t others[THREADS_MAX];
	unsigned made = 0;

	n = MIN(n, THREADS_MAX);
	while (made + 1 < n && pthread_create(&others[made], NULL, work, ctx) == 0)
		made++;
	work(ctx);
	while (made)
		pthread_join(others[--made], NULL);
}
