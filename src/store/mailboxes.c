#include "store/mailboxes.h"
