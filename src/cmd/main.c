#include "base/util.h"

int main(void)
{
	return 0;
}
