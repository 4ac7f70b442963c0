// client/rewind.h: finds, after the store has answered `reset`, how far each conversation is still the one
// that the application was told.
//
// A store that was restored from a backup may give a seq to another message than before. So the last messages
// that were told are compared with its history. What is not the same will be told; when all that is
// remembered differs, everything of the conversation is told again: rather twice than not at all.
//
// Used by the client's thread alone.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "client/marks.h"
#include "client/requests.h"
#include "client/told.h"
#include "protocol/names.h"

namespace duet {

class Rewind {
 public:
  struct Ports {
    // Asks until an answer comes.
    std::function<void(std::string method, RequestPayload, Requests::Handler)> ask;
    std::function<ToldOfPeer(const UserId&)> told;
    // The conversation is as it was told up to `marks.seen`; the other marks are the store's.
    std::function<void(const UserId&, const PeerMarks& marks)> rewound;
    // The end. False: the store refused an answer; another try starts anew.
    std::function<void(bool)> done;
  };

  // What the client has of a conversation.
  struct Known {
    Seq seen = 0;
    // Nothing of it was told since the last sync that succeeded: all of it is of the former history.
    bool settled = true;
  };

  explicit Rewind(Ports ports) : ports_(std::move(ports)) {}

  // Precondition: no other is on its way.
  void start(std::map<UserId, Known> known);

 private:
  struct Stored {
    Seq last;
    MessageId last_id;
    PeerMarks marks;  // without `seen`
  };

  void ask_conversations(std::optional<std::string> before);
  void on_conversations(const Requests::Answer& answer);
  void compare_next();
  void ask_history(const UserId& peer, Seq after);
  void on_history(const UserId& peer, const Requests::Answer& answer);

  // The place, unless the history must be asked for it.
  static std::optional<Seq> place_of(const Known& known, const ToldOfPeer& told, const Stored& stored);

  const Ports ports_;
  std::map<UserId, Known> known_;  // those that are still to be compared
  std::map<UserId, Stored> stored_;
};

}  // namespace duet
