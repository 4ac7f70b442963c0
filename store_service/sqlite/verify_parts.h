// store_service/sqlite/verify_parts.h: the parts of a verification (verify.h). Each reads what it needs and
// adds what it finds; throws StoreError when the database cannot be read.
#pragma once

#include "sqlite/connection.h"
#include "store_service/sqlite/violations.h"

namespace duet::sqlite {

// seq, time, counts, index, marks, owner: every conversation beside its messages and blocks.
void verify_conversations(const Connection& connection, Violations& violations);
// names, content, log: every message by itself.
void verify_contents(const Connection& connection, Violations& violations);
// once, ids.
void verify_ids(const Connection& connection, Violations& violations);
// What a query finds: receipts, meta, log.
void verify_queries(const Connection& connection, Violations& violations);
// Users, devices and nodes.
void verify_names(const Connection& connection, Violations& violations);

}  // namespace duet::sqlite
