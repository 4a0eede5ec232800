#include "imap/utf7.h"
