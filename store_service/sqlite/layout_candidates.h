// store_service/sqlite/layout_candidates.h: table layouts to be measured against each other by
// duet-store-layout: the store itself, and the plainer ones that docs/adr/0003-sqlite-layout.md compares it
// with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "store_service/sqlite/sqlite_store.h"

namespace duet::sqlite {

enum class Layout : std::uint8_t {
  changes,  // two rows of a per-user log for each message, unique (conversation, seq), ids by (conversation,
            // hash)
  dense,    // no per-user log; unique (conversation, seq), a table of id hashes
  blocks,   // seq in blocks of 16; a table of id hashes
  store,    // what open_sqlite does: seq in blocks of 16, id hashes moved in bulk
};
std::optional<Layout> parse_layout(std::string_view name);

// A message that arrives; conversations are numbered from 0.
struct Arrival {
  std::size_t conversation;
  std::string_view id;
  std::string_view body;
};

class Candidate {
 public:
  virtual ~Candidate() = default;
  // Stores the messages in one transaction that is durable on return.
  virtual void commit(std::span<const Arrival> arrivals) = 0;
};

// Makes a database for the layout. Throws StoreError.
std::unique_ptr<Candidate> open_candidate(Layout layout, const std::filesystem::path& file,
                                          std::size_t conversations, const SqliteOptions& options);

}  // namespace duet::sqlite
