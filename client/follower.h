// client/follower.h: brings a device up to date and keeps it there: sync, holes, marks, and what the
// application is told.
//
// Used by the client's thread alone.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/client.h"
#include "client/inbox.h"
#include "client/receipts.h"
#include "client/requests.h"
#include "client/retry.h"
#include "client/rewind.h"
#include "client/told.h"

namespace duet {

class Follower {
 public:
  // What it needs of its surroundings.
  struct Ports {
    // Asks until an answer comes.
    std::function<void(std::string method, RequestPayload, Requests::Handler)> ask;
    // `sent` has come for this id, or it was seen in a sync. Returns whether it was in the outbox.
    std::function<bool(const MessageId&)> take_from_outbox;
    // The last messages of the conversation that were told, those of take_newly_told() among them.
    std::function<ToldOfPeer(const UserId&)> told;
    // The device is up to date.
    std::function<void()> live;
    std::function<SteadyTime()> now;
  };

  Follower(UserId me, bool receipts, const ClientHandlers& handlers, Ports ports,
           std::map<UserId, PeerMarks> marks, std::optional<std::string> cursor);

  void connected();
  void disconnected();
  void stop() { stopped_ = true; }  // from any thread

  void on_message(const UserId& peer, const Envelope& envelope);
  void on_sent(const UserId& peer, const Envelope& envelope);
  void on_receipt(const UserId& peer, const Receipt& receipt);

  // Up to what was told; the rest has not been read.
  void mark_read(const UserId& peer, Seq seq) { receipts_.want_read(peer, std::min(seq, inbox_.seen(peer))); }

  Receipts& receipts() { return receipts_; }
  std::optional<SteadyTime> next_receipt_time() const { return receipts_.next_time(); }
  // Set when it has changed since the last call; empty: none any more.
  std::optional<std::string> take_changed_cursor();

  // What was told since the last call, to be remembered. What is remembered after the conversation's `seen`
  // is of a history that is no more.
  std::vector<Told> take_newly_told() { return std::exchange(newly_told_, {}); }

  // To be called at next_time().
  void at_time(SteadyTime now);
  std::optional<SteadyTime> next_time() const { return next_sync_; }

 private:
  enum class Phase : std::uint8_t { away, syncing, live };

  void take(const UserId& peer, const Envelope& envelope);
  void tell(const UserId& peer, const std::vector<Envelope>& envelopes);

  void sync();
  void on_sync_answer(const Requests::Answer& answer);
  void apply_page(const nlohmann::json& page);
  void apply_change(const nlohmann::json& change);
  void sync_later();

  void start_rewind();
  void on_rewound(const UserId& peer, const PeerMarks& marks);
  void on_rewind_done(bool complete);

  void fill_holes();
  void fill_hole(const UserId& peer);
  void on_history_answer(const UserId& peer, const Requests::Answer& answer);
  void apply_history(const UserId& peer, const nlohmann::json& page);

  const UserId me_;
  const bool tell_delivered_;
  const ClientHandlers& handlers_;
  const Ports ports_;
  std::atomic<bool> stopped_ = false;

  Inbox inbox_;
  Receipts receipts_;
  Rewind rewind_;
  std::vector<Told> newly_told_;
  std::set<UserId> unsettled_;  // told something since the last sync that succeeded
  Phase phase_ = Phase::away;
  bool asking_ = false;  // a sync or rewind is on its way
  std::set<UserId> filling_;
  std::string cursor_;  // empty: from the start
  // Something was told before a cursor was known, so no cursor will tell that the store is another now.
  bool must_compare_ = false;
  bool cursor_changed_ = false;
  std::optional<SteadyTime> next_sync_;
};

}  // namespace duet
