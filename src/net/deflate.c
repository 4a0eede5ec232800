#include "net/deflate.h"
