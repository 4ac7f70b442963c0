// store_service/sqlite/verify.h: whether a database keeps the laws of store_service/store.h and of its own
// schema.
//
//   file        SQLite's own check of pages, indexes and constraints; and everything can be read
//   references  every row that is referred to is there
//   meta        epoch, schema version, delivered mark and id index are in their bounds
//   names       users, devices, nodes and message ids are in their grammar
//   content     body and type are what the protocol lets in
//   owner       every message, block of seqs and receipt belongs to a conversation, and that to two users
//   seq         1, 2, 3 … in log order, up to what the conversation says
//   time        never decreases along seq; the last is the conversation's
//   counts      messages of each sender, and those that the other side has read
//   index       the way from seq to message
//   once        (conversation, sender, message id) is stored once
//   ids         the way from message id to message
//   marks       read <= delivered <= last seq
//   consent     a conversation waits for nobody who has sent something in it
//   receipts    the last receipt of each side, and no other
//   log         numbers ascend from 1, each used once
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "protocol/frame.h"
#include "store_service/store.h"

namespace duet {

struct VerifyOptions {
  std::size_t max_told = 100;  // violations that are told; the others are counted
  bool names = false;          // tell the users of a conversation, not only its number
};

struct Verified {
  std::uint64_t violations = 0;
  std::uint64_t messages = 0;
  std::uint64_t conversations = 0;
  LogNumber last_log = 0;
  std::map<NodeId, RecordNumber> offsets;  // the last journal record of each node that is stored
};

// Reads the whole database, of one moment, and tells a line for each violation. Changes nothing; a store may
// be at work meanwhile. Memory does not grow with the database. Throws StoreError when it cannot be opened or
// is none of this version.
Verified verify_sqlite(const std::filesystem::path& file, const VerifyOptions& options,
                       const std::function<void(const std::string& line)>& tell);

}  // namespace duet
