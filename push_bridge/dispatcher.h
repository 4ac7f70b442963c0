// push_bridge/dispatcher.h: has due pushes sent: lease, ask the store, post, judge the answer, and again.
//
// Each push service has a lane of its own (push_bridge/lane_names.h), so that one that is down holds up no
// other. There is one layer of retries, and it is this. No I/O but the database; the caller brings the time,
// moves the messages and calls everything on one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/push_payload.h"
#include "push_bridge/decision.h"
#include "push_bridge/instant.h"
#include "push_bridge/lane.h"

namespace duet {

struct PostDone {
  std::uint64_t ticket;
  PostResult result;
};

class Dispatcher {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kLease{60};  // longer than everything that is done under it
  static constexpr std::chrono::seconds kCheckTimeout{5};
  static constexpr std::chrono::seconds kCheckGood{10};
  static constexpr std::size_t kInHand = 1000;  // leased pushes of a lane

  struct Outlets {
    Poster& poster;
    std::function<void(PostDone)> done;         // on the poster's thread: has on_posted called
    std::function<bool(const PushCheck&)> ask;  // false: the store cannot be asked now
    std::function<std::string()> new_id;        // a UUID
  };

  // Names are channel_name()s. The database and the decision outlive it.
  Dispatcher(PushDatabase& database, Decision& decision,
             std::map<std::string, std::unique_ptr<Sender>> senders, Outlets outlets, PushCounters& counters);

  // These two within the caller's transaction. What nobody waits for any more is ignored.
  void on_check(const PushCheckAnswer& answer, const Instant& now);
  void on_posted(PostDone done, const Instant& now);

  // Leases what is due, asks the store and posts what can be posted, each after its commit, if it may send
  // now. Not within a transaction. What has waited too long is put back in any case: call it every second.
  void pump(bool may_send, const Instant& now);
  // What was not posted yet is pending again. In a transaction of its own.
  void put_back(const Instant& now);

  // When pump has something to do by the clock. nullopt: only what comes in is of interest.
  std::optional<Clock::time_point> next_wakeup(const Instant& now);
  std::size_t in_flight() const { return posting_.size(); }

 private:
  struct Asked {
    std::vector<PushJob> jobs;
    Clock::time_point at;
    bool again;  // as the first answers were outdated
  };
  struct Posting {
    Lane* lane;
    std::string url;
    std::optional<CheckedPush> push;  // none: credentials
  };

  std::size_t room(const Lane& lane, Clock::time_point now) const;
  void lease_due(const Instant& now);
  std::optional<PushJob> lease(PushJob job, const Instant& now);
  bool renew_push(PushJob& job);
  void ask(std::vector<PushJob> jobs, Clock::time_point now, bool again = false);
  std::optional<Seq> wanted_preview(const PushJob& job);
  std::optional<PushJob> answered(const PushJob& asked,
                                  const std::optional<PushCheckAnswer::Standing>& standing, bool asked_again,
                                  const Instant& now);
  struct Owed {
    PushJob job;
    Registration registration;
  };
  std::optional<Owed> still_owed(Lane& lane, const PushJob& asked,
                                 const std::optional<PushCheckAnswer::Standing>& standing,
                                 const Instant& now);
  void put_back_late(const Instant& now);
  std::vector<PushJob> take_unanswered(Clock::time_point now);
  void release(const PushJob& leased, const Instant& now);

  // What is not posted after all.
  struct Unposted {
    std::list<CheckedPush> needless = {};
    std::list<CheckedPush> impossible = {};
    std::vector<std::string> why = {};  // of each of these
  };
  void post_ready(Lane& lane, const Instant& now);
  void post_what_fits(Lane& lane, const Instant& now, Unposted& unposted);
  bool may_post(Lane& lane, const Instant& now);
  bool is_wanted(const CheckedPush& push);
  bool has_credentials(Lane& lane, const Instant& now);
  std::optional<std::uint64_t> post(const HttpPost& request);
  std::string prepare(const Lane& lane, CheckedPush& push, Timestamp now) const;

  void on_credentials(Lane& lane, const PostResult& result, const Instant& now);
  void act(Lane& lane, const CheckedPush& push, const Judgement& judgement, const Instant& now);
  void note_health(Lane& lane, const PostResult& result, const Judgement& judgement, const Instant& now);
  void retry(const CheckedPush& push, const Judgement& judgement, const Instant& now);
  static void pass_over(Lane& lane, const PushJob& job);
  void take_places_again(Lane& lane);
  void drop_token(const CheckedPush& push, const Judgement& judgement, Timestamp now);
  void suspect_token(Lane& lane, const CheckedPush& push, const Judgement& judgement, const Instant& now);
  void tell_losses(Lane& lane, const std::string& reason, Clock::time_point now);
  void hold(const CheckedPush& push, const Judgement& judgement, Timestamp now);
  void give_up(const CheckedPush& push, std::string_view why, Timestamp now);
  void count(const Lane& lane, const PostResult& result, const std::string& reason);

  PushDatabase& database_;
  Decision& decision_;
  const std::map<std::string, std::unique_ptr<Sender>> senders_;
  const Outlets outlets_;
  PushCounters& counters_;
  std::map<std::string, Lane> lanes_;
  std::map<std::string, Asked> asked_;  // by `req`
  std::map<std::uint64_t, Posting> posting_;
  std::uint64_t last_number_ = 0;  // of asks and posts
  bool store_silent_ = false;      // it did not answer the last ask
};

}  // namespace duet
