// journal/verify.h: whether a journal's files hold what was written, without touching them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "protocol/frame.h"

namespace duet {

struct JournalVerified {
  std::optional<NodeId> node;  // nullopt: the directory says none; then nothing else was looked at
  std::uint64_t segments = 0;
  std::uint64_t records = 0;
  // Everything up to `gone` is in the journal no more; `last` is its last record. Both 0 without segments.
  RecordNumber gone = 0;
  RecordNumber last = 0;
  std::vector<std::string> errors;    // damage: each names file and offset
  std::vector<std::string> warnings;  // what the next opening repairs: a torn tail
};

// Checks every record of every segment, their numbers and the chain of segments. Takes no lock and changes
// nothing; a broker may be writing meanwhile: what it removes is not missed, and what it has half written is
// at most a warning. Throws std::system_error when the directory cannot be read.
JournalVerified verify_journal(const std::filesystem::path& directory);

// What a store that has this node's records up to `offset` cannot get any more, as a sentence; nullopt:
// nothing. To be asked with an offset that is younger than the verification.
std::optional<std::string> missing_records(const JournalVerified& journal, RecordNumber offset);

}  // namespace duet
