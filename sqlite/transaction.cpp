#include "sqlite/transaction.h"

#include "file_io/store_error.h"

namespace duet::sqlite {

Transaction::~Transaction() {
  if (!connection_.in_transaction()) return;
  try {
    connection_.execute("roll back", "ROLLBACK");
  } catch (const StoreError&) {  // NOLINT(bugprone-empty-catch)
    // What failed before is what counts; SQLite rolls back by itself when the connection goes.
  }
}

}  // namespace duet::sqlite
