#include <stdlib.h>

#include <stdexcept>

#include "store_service/sqlite/sqlite_store.h"
#include "tests/contract/contract.h"

namespace duet {

std::vector<Backend> backends() {
  const auto sqlite = [](std::string name, const SqliteOptions& options) {
    return Backend{std::move(name), [options](const std::filesystem::path& directory) {
                     return open_sqlite(directory / "duet.db", options);
                   }};
  };
  // With caches so small that everything is forgotten all the time, and checkpoints at every turn.
  const SqliteOptions tiny{
      .checkpoint_pages = 4, .conversations = 2, .users = 2, .recent_ids = 8, .device_receipts = 5};
  return {sqlite("Sqlite", {}), sqlite("SqliteTiny", tiny)};
}

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "duet-store-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code left_behind;
  std::filesystem::remove_all(path_, left_behind);
}

UserId user(std::string_view name) {
  return UserId::parse(name).value();
}
DeviceId device(std::string_view name) {
  return DeviceId::parse(name).value();
}
MessageId message_id(std::string_view id) {
  return MessageId::parse(id).value();
}
NodeId node(char digit) {
  return NodeId::parse(std::string(kNodeIdBytes, digit)).value();
}
Timestamp at(std::int64_t ms) {
  return Timestamp(std::chrono::milliseconds(ms));
}

NewMessage message(std::string_view from, std::string_view to, std::string_view id, std::int64_t ms,
                   std::string body) {
  return {user(from), user(to), message_id(id), at(ms), "text/plain", std::move(body)};
}

Appended StoreContract::append(const NewMessage& message) {
  const auto transaction = database().begin();
  Appended appended = transaction->append(message);
  transaction->commit();
  return appended;
}

RaisedMarks StoreContract::raise(std::string_view by, std::string_view peer, Marks marks) {
  const auto transaction = database().begin();
  const RaisedMarks raised = transaction->raise_marks(user(by), user(peer), marks);
  transaction->commit();
  return raised;
}

void StoreContract::block(std::string_view blocker, std::string_view blocked) {
  const auto transaction = database().begin();
  transaction->block({user(blocker), user(blocked)});
  transaction->commit();
}

void StoreContract::append_many(std::string_view from, std::string_view to, int count) {
  const auto transaction = database().begin();
  for (int i = 1; i <= count; ++i) {
    transaction->append(message(from, to, "m" + std::to_string(i), 1000 + i, "body " + std::to_string(i)));
  }
  transaction->commit();
}

std::vector<Seq> seqs(const Page<Envelope>& page) {
  std::vector<Seq> found;
  for (const Envelope& envelope : page.items) found.push_back(envelope.seq);
  return found;
}

std::vector<std::string> bodies(const Page<Envelope>& page) {
  std::vector<std::string> found;
  for (const Envelope& envelope : page.items) found.push_back(envelope.body);
  return found;
}

}  // namespace duet
