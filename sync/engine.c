#include "sync/engine.h"
