#include "imap/uidset.h"
