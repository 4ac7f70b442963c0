// store_service/write_queue.h: what waits for the writer: frames of records, other writes, names that were
// seen, and a connection that has begun.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <unordered_set>
#include <vector>

#include "store_service/delivery.h"
#include "store_service/store.h"

namespace duet {

// A write that does not come from the journal. The functions run on the writer's thread.
struct WriteJob {
  // May run several times, once in each attempt at the transaction. Throws StoreError.
  std::function<void(WriteTransaction&)> apply;
  std::function<void()> on_committed;  // may be empty
  // Set: when the database fails, the job is given up and this is called. Empty: it is tried until it is
  // done.
  std::function<void()> on_failed;
  // After the commit: adds what clients are to hear of it, to be delivered before on_committed is called.
  // Changes are told again after a crash, like those of records. May be empty.
  std::function<void(std::vector<OutgoingDelivery>&)> tell = {};
};

// One consumer, the writer; any number of producers. Bounded: a frame that finds no room is dropped (the
// node sends it again), a job that finds none is refused.
class WriteQueue {
 public:
  static constexpr std::size_t kMaxFrames = 32;
  static constexpr std::size_t kMaxJobs = 10'000;
  static constexpr std::size_t kMaxSeen = 16'384;

  // An ingest frame, not yet decoded. False: no room.
  [[nodiscard]] bool push_frame(std::string bytes);
  [[nodiscard]] bool push_job(WriteJob job);

  // A token of the user was accepted by the broker: they have published something. Not urgent, but taken with
  // or before every frame that is pushed later. Beyond kMaxSeen that wait one is dropped, and noted when the
  // user is seen again.
  void note_seen(const UserId& user);

  // A session with the broker begins or has ended. Frames of an ended one are dropped: the next begins with a
  // hello. disconnected() returns the session that ended, 0 when there was none.
  void connected();
  std::uint64_t disconnected();
  // The number of the present session, from 1 up; 0 while there is none.
  std::uint64_t session() const;

  std::size_t jobs() const;

  // Waits until there is a job, a frame, or a session other than `known`, or until `patience` or `stop` ends
  // the wait. Returns whether there is.
  bool wait(const std::stop_token& stop, std::uint64_t known, std::chrono::steady_clock::duration patience);

  // Everything that waits; frames only if the present session is `session`.
  struct Work {
    std::vector<std::string> frames;
    std::vector<WriteJob> jobs;
    std::vector<UserId> seen;
  };
  Work take(std::uint64_t session);

 private:
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::condition_variable_any filled_;
  std::vector<std::string> frames_;
  std::vector<WriteJob> jobs_;
  std::vector<UserId> seen_;
  std::unordered_set<UserId> seen_lately_;  // those that need not be noted again; at most kMaxSeen
  std::uint64_t sessions_ = 0;              // how many there were
  bool connected_ = false;
};

}  // namespace duet
