// sqlite/transaction.h: all of it or nothing.
#pragma once

#include "sqlite/connection.h"

namespace duet::sqlite {

// A write transaction of a connection; rolled back at the end of its scope unless it was committed. Throws
// StoreError.
class Transaction {
 public:
  explicit Transaction(Connection& connection) : connection_(connection) {
    connection_.execute("begin a transaction", "BEGIN IMMEDIATE");
  }
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // Returns when it is on stable storage.
  void commit() { connection_.execute("commit", "COMMIT"); }

 private:
  Connection& connection_;
};

}  // namespace duet::sqlite
