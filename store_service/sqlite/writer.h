// store_service/sqlite/writer.h: the writing side of the SQLite store.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "sqlite/connection.h"
#include "store_service/sqlite/conversation_cache.h"
#include "store_service/sqlite/conversation_row.h"
#include "store_service/sqlite/device_receipts.h"
#include "store_service/sqlite/id_index.h"
#include "store_service/sqlite/sqlite_store.h"
#include "store_service/sqlite/user_table.h"
#include "store_service/store.h"

namespace duet::sqlite {

// What the one writer keeps between its transactions: statements, and what it knows of the database. Nobody
// else writes, so what it knows stays true; a rollback drops what the transaction touched.
struct Writer {
  Writer(Connection& connection, const SqliteOptions& options);

  Connection& connection;
  UserTable users;
  ConversationCache conversations;
  IdIndex ids;
  SeqIndex seqs;
  DeviceReceipts device_receipts;
  LogNumber last_log;                            // given to a message or receipt
  LogNumber committed_log;                       // of last_log, what stands
  std::vector<UserId> created_users;             // by the open transaction
  std::unordered_map<UserId, Timestamp> claims;  // as they stand in the open transaction …
  bool claims_known = false;                     // … unless they have to be read again
  bool busy = false;                             // a transaction is open

  Statement begin;
  Statement commit;
  Statement rollback;
  Statement insert_user;
  Statement insert_message;
  Statement find_message;
  Statement insert_seq_block;
  Statement insert_receipt;
  Statement delete_receipt;
  Statement find_offset;
  Statement set_offset;
  Statement insert_block;
  Statement delete_block;
  Statement find_block;
  Statement find_awaiting;
  Statement find_begun;
  Statement set_begun;
  Statement touch_device;
  Statement note_push;
  Statement trim_devices;
  Statement set_delivered_mark;
  Statement set_mute;
  Statement delete_mute;
  Statement find_known;
  Statement set_known;
  Statement find_conversation_of;
  Statement find_accounts_through;
  Statement set_accounts_through;
  Statement add_claim;
  Statement find_claims;
  Statement forget_claims;
  Statement correct_claims;
};

class SqliteTransaction final : public WriteTransaction {
 public:
  // The writer must outlive the transaction and have no other open.
  explicit SqliteTransaction(Writer& writer);
  SqliteTransaction(const SqliteTransaction&) = delete;
  SqliteTransaction& operator=(const SqliteTransaction&) = delete;
  ~SqliteTransaction() override;

  Appended append(const NewMessage& message) override;
  RaisedMarks raise_marks(const UserId& by, const UserId& peer, const Marks& marks) override;
  void note_device_receipt(const Device& by, const UserId& peer, const Marks& marks) override;
  std::size_t prune_device_receipts(LogNumber through, std::size_t limit) override;
  Standing standing(const UserId& me, const UserId& peer) override;
  std::optional<StoredMessage> find(const UserId& from, const UserId& to, const MessageId& id) override;
  Accepted accept(const UserId& me, const UserId& peer) override;
  std::size_t accept_any(std::size_t limit) override;
  std::optional<Timestamp> begun_full_at(const UserId& user) override;
  void set_begun_full_at(const UserId& user, Timestamp full_at) override;
  bool is_known(const UserId& user) override;
  void note_seen(const UserId& user) override;
  void note_account(const UserId& user) override;
  bool claim_name(const UserId& user, Timestamp now) override;
  std::optional<Timestamp> claimed_at(const UserId& user) override;
  void tidy_claims(Timestamp now) override;
  std::uint64_t accounts_through() override;
  void set_accounts_through(std::uint64_t number) override;
  RecordNumber ingest_offset(const NodeId& node, Partition partition) override;
  void set_ingest_offset(const NodeId& node, Partition partition, RecordNumber n) override;
  bool block(const Block& block) override;
  bool unblock(const Block& block) override;
  bool mute(const UserId& me, const UserId& peer, const Mute& mute) override;
  bool unmute(const UserId& me, const UserId& peer) override;
  void touch_device(const DeviceChange& change, std::size_t max_devices) override;
  void note_push(const Device& device, const std::string& refused) override;
  void set_delivered_mark(LogNumber log_number) override;
  void commit() override;

 private:
  using Entry = ConversationCache::Entry;

  // Guards one call: when it throws, what is in memory and in the database may differ, and SQLite may even
  // have left the transaction. From then on every call throws, until the transaction is dropped.
  class Step {
   public:
    explicit Step(SqliteTransaction& transaction);
    ~Step();
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    SqliteTransaction& transaction_;
    int exceptions_;
  };

  UserKey user(const UserId& name);
  // The message of this sender with this id, if it is stored.
  std::optional<MessageRow> find_stored(const ConversationRow& row, Side sender, const MessageId& id,
                                        std::uint64_t hash);
  MessageRow next_message(ConversationRow& row, Side sender, const NewMessage& message);
  void store(ConversationRow& row, const MessageRow& message);
  // Messages of `sender` with a seq up to `seq`.
  std::uint64_t sent_up_to(const ConversationRow& row, Side sender, Seq seq);
  void replace_receipt(ConversationRow& row, Side side);
  // Null: there is no such conversation.
  Entry* find_entry(const UserId& one, const UserId& other);
  // Precondition: the conversation waits for somebody's consent.
  std::optional<ToldMarks> give_consent(Entry& entry);
  void forget_block(const Block& block);
  const std::unordered_map<UserId, Timestamp>& claims();
  void roll_back() noexcept;

  Writer& writer_;
  bool open_ = true;
  bool failed_ = false;
};

}  // namespace duet::sqlite
