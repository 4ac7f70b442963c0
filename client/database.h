// client/database.h: what a client must not forget, in one SQLite file: the outbox, the sync cursor and the
// marks of every conversation.
//
// Everything is durable when the function that wrote it returns. Throws std::runtime_error when the disk
// fails. Not synchronised.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/client.h"
#include "client/marks.h"
#include "client/told.h"
#include "protocol/names.h"

namespace duet {

struct OutboxMessage {
  MessageId id;
  UserId peer;
  std::string type;
  std::string body;
};

// A place in the outbox: later messages have higher ones.
using OutboxPosition = std::uint64_t;

class ClientDatabase {
 public:
  // Makes the directory (0700) and the file when they are missing. Throws StateInUse, or std::runtime_error:
  // it is another device's, or damaged.
  ClientDatabase(const std::filesystem::path& directory, const Device& device);
  ~ClientDatabase();
  ClientDatabase(const ClientDatabase&) = delete;
  ClientDatabase& operator=(const ClientDatabase&) = delete;

  struct Waiting {
    OutboxPosition position;
    MessageId id;
    UserId peer;
  };
  // Oldest first.
  std::vector<Waiting> outbox();
  OutboxPosition append(const OutboxMessage& message);
  std::optional<OutboxMessage> message(OutboxPosition position);
  void remove(OutboxPosition position);

  std::map<UserId, PeerMarks> marks();
  std::optional<std::string> cursor();
  // The last messages of the conversation that were told.
  ToldOfPeer told(const UserId& peer);
  // In one transaction. Of what was told to the changed peers the last kToldMessages up to `seen` are kept.
  // `cursor` nullptr: as it was; empty: none.
  void save(const std::map<UserId, PeerMarks>& changed, const std::vector<Told>& told,
            const std::string* cursor);

 private:
  struct Handles;
  static std::unique_ptr<Handles> open_handles(const std::filesystem::path& directory);

  std::unique_ptr<Handles> handles_;
};

}  // namespace duet
