#include "store/derived.h"
