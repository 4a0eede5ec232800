#include "net/tcp.h"
