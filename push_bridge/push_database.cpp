#include "push_bridge/push_database.h"

#include "acl/base64url.h"
#include "acl/crypto.h"
#include "file_io/store_error.h"
#include "push_bridge/schema.h"

namespace duet {
namespace {

constexpr std::size_t kConversationKeyBytes = 32;
constexpr std::size_t kTagCharacters = 32;

std::optional<sqlite::FileLock> lock_for(const std::filesystem::path& file, PushDatabase::Access access) {
  if (access == PushDatabase::Access::reader) return std::nullopt;
  return std::optional<sqlite::FileLock>(std::in_place, file);
}

sqlite::Connection open_owned(const std::filesystem::path& file) {
  sqlite::create_private_file(file);
  sqlite::Connection connection(file, sqlite::Connection::Mode::read_write);
  sqlite::check_schema(connection, push_schema());  // before anything is changed
  connection.use_write_ahead_log();
  connection.execute("open", "PRAGMA synchronous = FULL");
  connection.execute("open", "PRAGMA secure_delete = ON");  // a token that is gone leaves nothing behind
  sqlite::migrate(connection, push_schema());
  return connection;
}

sqlite::Connection open_beside(const std::filesystem::path& file) {
  sqlite::Connection connection(file, sqlite::Connection::Mode::read_only);
  if (sqlite::check_schema(connection, push_schema()) != push_migrations().back().number) {
    throw StoreError("database " + file.string() + " is not of this version: start duet-push first");
  }
  return connection;
}

}  // namespace

PushDatabase::PushDatabase(const std::filesystem::path& file, Access access)
    : lock_(lock_for(file, access)),
      connection_(access == Access::owner ? open_owned(file) : open_beside(file)),
      conversation_key_(load_conversation_key(access)),
      registrations_(connection_),
      jobs_(connection_),
      pushed_(connection_),
      decisions_(connection_),
      device_notes_(connection_),
      cursor_(connection_, "read the cursor", "SELECT epoch, after_log FROM meta"),
      set_cursor_(connection_, "move the cursor", "UPDATE meta SET epoch = ?1, after_log = ?2"),
      find_secret_(connection_, "find a provider token", "SELECT value FROM secrets WHERE name = ?1"),
      put_secret_(connection_, "keep a provider token",
                  "INSERT INTO secrets (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2") {}

std::string PushDatabase::load_conversation_key(Access access) {
  sqlite::Statement read(connection_, "read the key", "SELECT conversation_key FROM meta");
  {
    auto row = read.query();
    if (row.next() && row.blob(0).size() == kConversationKeyBytes) return std::string(row.blob(0));
  }
  if (access == Access::reader) connection_.damaged("it has no key");
  auto key = random_bytes(kConversationKeyBytes);
  sqlite::Statement write(connection_, "keep the key", "UPDATE meta SET conversation_key = ?1");
  write.execute(sqlite::Blob{key});
  return key;
}

FeedCursor PushDatabase::cursor() {
  auto row = cursor_.query();
  if (!row.next()) connection_.damaged("the cursor is missing");
  return {std::string(row.text(0)), row.number(1)};
}

void PushDatabase::set_cursor(const FeedCursor& cursor) {
  set_cursor_.execute(cursor.epoch, cursor.after);
}

std::optional<std::string> PushDatabase::find_secret(const std::string& name) {
  auto row = find_secret_.query(name);
  if (!row.next()) return std::nullopt;
  return std::string(row.text(0));
}

void PushDatabase::put_secret(const std::string& name, const std::string& value) {
  put_secret_.execute(name, value);
}

void PushDatabase::clock_was_set_back(std::chrono::milliseconds by) {
  for (const char* sql :
       {"UPDATE jobs SET due = due - ?1, not_before = not_before - ?1, expires = expires - ?1",
        "UPDATE pushed SET at = at - ?1",
        "UPDATE registrations SET badge_at = badge_at - ?1 WHERE badge_at > ?1"}) {
    sqlite::Statement(connection_, "follow the clock", sql).execute(by.count());
  }
}

std::string PushDatabase::conversation_tag(const Device& device, const UserId& peer) const {
  // No name has a slash.
  const auto mac =
      hmac_sha256(conversation_key_, device.user.str() + "/" + device.device.str() + "/" + peer.str());
  return encode_base64url(mac).substr(0, kTagCharacters);
}

std::optional<std::string> StoredTokens::load(const std::string& name) {
  if (const auto own = own_.find(name); own != own_.end()) return own->second;
  return database_.find_secret(name);
}

void StoredTokens::save(const std::string& name, const std::string& value) {
  if (access_ == PushDatabase::Access::owner) {
    database_.put_secret(name, value);
  } else {
    own_[name] = value;
  }
}

}  // namespace duet
