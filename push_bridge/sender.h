// push_bridge/sender.h: how one push service is spoken to: the requests, and what its answers mean.
//
// A sender does no I/O and reads no clock: the caller posts and brings the time. The course of a push:
//   1. credentials_request: posted first if there is one; its answer goes to take_credentials
//   2. prepare: the request of the push
//   3. judge: what to do after its answer
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "protocol/names.h"
#include "protocol/result.h"
#include "push_bridge/http_post.h"
#include "push_bridge/notification.h"
#include "push_bridge/webpush_endpoint.h"

namespace duet {

struct Judgement {
  enum class Action : std::uint8_t {
    sent,           // the service has accepted it, which is no proof that it was shown
    retry,          // the same push again, `after` a while
    drop_token,     // the target is gone: forget it, unless it was registered after `gone_at`
    suspect_token,  // the target looks gone, but the same is said when our configuration is wrong: forget it
                    // only while few are like it
    remint,         // our credentials have expired, new ones come with the next request: the same push again
    pause,    // our configuration or our keys are wrong: no push of this sender helps until that is mended
    give_up,  // this push will never be accepted, or it is too late for it; the target is good
  };

  Action action;
  std::string reason;  // the provider's word ("Unregistered", "UNAVAILABLE", "HTTP 502") or ours, for records
                       // and counters: at most 64 printable characters, never a secret
  std::optional<std::chrono::milliseconds> after = {};  // set for every retry; not before then
  std::optional<Timestamp> gone_at = {};                // drop_token: since when, if the service says so
  bool of_all = false;  // retry: perhaps not this push but all of ours are too many: when nothing else comes
                        // back, none is sent until `after`
  bool close_connection = false;  // nothing more on this connection, whose requests would fail as well

  friend bool operator==(const Judgement&, const Judgement&) = default;
};

// One for each configured app and platform. Used by one thread.
class Sender {
 public:
  virtual ~Sender() = default;

  virtual Platform platform() const = 0;

  // The services that it posts to, where there are several: each entry is one. nullptr: there is one.
  virtual const AllowedHosts* hosts() const { return nullptr; }

  // A request that must succeed before pushes can be made (OAuth), if one is needed now. Once it has been
  // returned, there is none until its answer was given to take_credentials, and until then nothing is
  // prepared.
  virtual std::optional<HttpPost> credentials_request(Timestamp now) = 0;
  // sent: pushes can be made. retry or pause: ask credentials_request again after a while.
  virtual Judgement take_credentials(const PostResult& answer, Timestamp now) = 0;

  // The error is a sentence without secrets: this push can never be made.
  // Preconditions: the registration is of this platform and of the notification's device; credentials_request
  // had nothing to ask for.
  virtual Result<HttpPost, std::string> prepare(const Notification& notification,
                                                const Registration& registration, Timestamp now) = 0;

  // After attempt 1, 2, … of a push. The retry schedules are here, those of one push by `attempt`.
  virtual Judgement judge(const PostResult& result, const Notification& notification,
                          const Registration& registration, int attempt, Timestamp now) = 0;
};

}  // namespace duet
