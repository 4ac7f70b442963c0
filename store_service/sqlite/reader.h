// store_service/sqlite/reader.h: the reading side of the SQLite store.
#pragma once

#include <vector>

#include "sqlite/connection.h"
#include "store_service/sqlite/conversation_row.h"
#include "store_service/sqlite/push_reader.h"
#include "store_service/sqlite/sqlite_store.h"
#include "store_service/sqlite/user_table.h"
#include "store_service/store.h"

namespace duet::sqlite {

class SqliteReader final : public StoreReader {
 public:
  // With a connection of its own, so that it never waits for the writer.
  SqliteReader(const std::filesystem::path& file, const SqliteOptions& options);

  Page<Envelope> history(const UserId& me, const UserId& peer, std::optional<Seq> before,
                         std::optional<Seq> after, std::size_t limit, std::size_t max_bytes) override;
  Page<SummaryItem> conversations(const UserId& me, std::optional<LogNumber> before, std::size_t limit,
                                  std::size_t max_bytes) override;
  Page<Change> changes(const UserId& me, LogNumber after, std::size_t limit, std::size_t max_bytes) override;
  LogNumber last_log_number() override;
  std::optional<Consent> consent(const UserId& me, const UserId& peer) override;
  std::vector<UserId> peers(const UserId& me) override;
  std::vector<UserId> blocked_by(const UserId& me) override;
  bool is_blocked(const Block& block) override;
  void for_each_block(const std::function<void(const Block&)>& visit) override;
  std::vector<DeviceRow> devices(const UserId& me) override;
  std::optional<Timestamp> last_seen(const UserId& user) override;
  std::vector<Redelivery> undelivered(LogNumber after, std::size_t limit) override;
  LogNumber delivered_mark() override;
  Page<PushEvent> feed(LogNumber after, std::size_t limit, std::size_t max_bytes) override;
  std::vector<std::optional<PushCheckAnswer::Standing>> push_standings(std::span<const PushCheck::Pair> pairs,
                                                                       Timestamp now) override;

 private:
  // While it lives, every query sees the same state of the database.
  class Snapshot {
   public:
    explicit Snapshot(SqliteReader& reader);
    ~Snapshot();
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;

   private:
    SqliteReader& reader_;
  };

  std::optional<ConversationRow> find_conversation(const UserId& one, const UserId& other);
  // The conversations of the user in which something has a log number > `after`.
  std::vector<ConversationRow> conversations_of(UserKey user, LogNumber after);
  MessageRow message(LogNumber log_number);
  Envelope envelope(const ConversationRow& row, LogNumber log_number);
  SummaryItem summary(const UserId& me, UserKey my_key, LogNumber last_log);
  Change change(const ConversationRow& row, Side me, LogNumber log_number);
  std::optional<std::string> push_text(const ConversationRow& row, Side side, Seq seq);
  std::vector<Redelivery> undelivered_messages(LogNumber after, std::size_t limit);
  std::vector<Redelivery> undelivered_receipts(LogNumber after, std::size_t limit);

  Connection connection_;
  UserTable users_;
  SeqIndex seqs_;
  PushReader push_;

  Statement begin_;
  Statement end_;
  Statement find_conversation_;
  Statement conversation_by_key_;
  Statement conversations_of_;
  Statement newest_of_;
  Statement peers_;
  Statement find_message_;
  Statement last_log_;
  Statement blocked_by_;
  Statement find_block_;
  Statement all_blocks_;
  Statement devices_;
  Statement last_seen_;
  Statement messages_after_;
  Statement receipts_after_;
  Statement delivered_mark_;
};

}  // namespace duet::sqlite
