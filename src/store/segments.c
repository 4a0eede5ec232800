#include "store/segments.h"
