/* Internal to src/store: the dates of queries. */
#pragma once

#include "store/search-query.h"

typedef enum { STORE_DATE_GOOD, STORE_DATE_BAD, STORE_DATE_REVERSED } StoreDateResult;

/* What stands behind date: (search.h). */
StoreDateResult store_date_parse(const char *text, StoreMoment *first_r, StoreMoment *end_r);
