// push_bridge/push_database.h: what the push bridge has to remember, in one SQLite file.
//
// One thread owns it. What shall stand together is done in a transaction (sqlite/transaction.h) on
// connection(); a commit returns when it is on stable storage. Every failure is a StoreError.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "push_bridge/decision_log.h"
#include "push_bridge/device_notes.h"
#include "push_bridge/job_table.h"
#include "push_bridge/pushed_table.h"
#include "push_bridge/registration_table.h"
#include "push_bridge/token_memory.h"
#include "sqlite/connection.h"
#include "sqlite/file_lock.h"

namespace duet {

// A place in the store's log.
struct FeedCursor {
  std::string epoch;  // empty: nothing was read yet
  std::uint64_t after = 0;
};

class PushDatabase {
 public:
  enum class Access : std::uint8_t {
    owner,   // makes the file (mode 0600) when it is not there; one process at a time
    reader,  // beside the owner; changes nothing
  };

  PushDatabase(const std::filesystem::path& file, Access access);

  sqlite::Connection& connection() { return connection_; }

  FeedCursor cursor();
  void set_cursor(const FeedCursor& cursor);

  RegistrationTable& registrations() { return registrations_; }
  JobTable& jobs() { return jobs_; }
  PushedTable& pushed() { return pushed_; }
  DecisionLog& decisions() { return decisions_; }
  DeviceNotes& device_notes() { return device_notes_; }

  std::optional<std::string> find_secret(const std::string& name);
  void put_secret(const std::string& name, const std::string& value);

  // The wall clock was set back: what waits for a time of day waits no longer for that. When a device
  // registered stays: push services judge by it.
  void clock_was_set_back(std::chrono::milliseconds by);

  // What the providers see of a device's conversation: 32 characters that tell nothing of who is in it.
  std::string conversation_tag(const Device& device, const UserId& peer) const;

 private:
  std::string load_conversation_key(Access access);

  // Constant after construction.
  const std::optional<sqlite::FileLock> lock_;

  sqlite::Connection connection_;
  const std::string conversation_key_;
  RegistrationTable registrations_;
  JobTable jobs_;
  PushedTable pushed_;
  DecisionLog decisions_;
  DeviceNotes device_notes_;
  sqlite::Statement cursor_;
  sqlite::Statement set_cursor_;
  sqlite::Statement find_secret_;
  sqlite::Statement put_secret_;
};

// The senders' memory in the database, which outlives it. A reader's keeps what is new to itself.
class StoredTokens final : public TokenMemory {
 public:
  StoredTokens(PushDatabase& database, PushDatabase::Access access) : database_(database), access_(access) {}

  std::optional<std::string> load(const std::string& name) override;
  void save(const std::string& name, const std::string& value) override;

 private:
  PushDatabase& database_;
  const PushDatabase::Access access_;
  std::map<std::string, std::string> own_;
};

}  // namespace duet
