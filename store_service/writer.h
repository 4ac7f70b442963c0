// store_service/writer.h: the one thread that writes to the database.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "protocol/frame.h"
#include "protocol/payload.h"
#include "store_service/confirmations.h"
#include "store_service/counters.h"
#include "store_service/delivery_tracker.h"
#include "store_service/ingest.h"
#include "store_service/publisher.h"
#include "store_service/store.h"
#include "store_service/write_queue.h"

namespace duet {

struct WriterOptions {
  PayloadLimits limits;
  StrangerRules strangers = {};
  std::chrono::milliseconds first_backoff{100};  // after the database failed
  std::chrono::milliseconds max_backoff{5000};
  std::chrono::milliseconds idle{1000};      // after which the delivered mark is stored by itself
  std::chrono::milliseconds patience{2000};  // at the end, for the broker to acknowledge what was sent
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
};

// Commits everything that waits in the queue in one transaction (group commit), then publishes what it leads
// to: the deliver frames, then what the nodes' journals may forget. While the database fails it tries the
// same transaction again and again. Each new session with the broker begins with the block lists and with
// what the broker may have missed; only then is a node's hello answered.
//
// Owns a thread; all state below is that thread's. Database, queue, publisher and counters outlive it.
class Writer {
 public:
  struct Events {
    std::function<void(std::uint64_t session)> on_ready;  // the session is prepared, records are taken
    std::function<void()> on_broken;  // a journal cannot be read, the log says why: the process should end
    std::function<void()> on_committed = {};         // may be empty
    std::function<LogNumber()> push_confirmed = {};  // up to where push has everything; may be empty
    std::function<void()> on_turn = {};  // the thread has not stopped; at least every 5 s. May be empty
    // Each attempt at the database: why it failed, or an empty text. May be empty.
    std::function<void(const std::string&)> on_attempt = {};
  };

  // Throws StoreError.
  Writer(Database& database, WriteQueue& queue, Publisher& publisher, WriterOptions options, Events events,
         Counters& counters);
  // Finishes the transaction in hand, sends what it leads to, and stores how far deliveries are acknowledged.
  ~Writer() = default;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

 private:
  void run(const std::stop_token& stop);
  void finish(const std::stop_token& stop);

  // False: not prepared, because the database failed or the session ended meanwhile.
  bool begin_session(std::uint64_t session, const std::stop_token& stop);
  bool publish_blocks();
  bool redeliver(std::uint64_t session, const std::stop_token& stop);

  void write(WriteQueue::Work work, const std::stop_token& stop);
  std::vector<IngestFrame> decode(const std::vector<std::string>& frames);
  void note_damage(DecodeError error);
  std::optional<Ingested> try_commit(const std::vector<IngestFrame>& frames,
                                     const std::vector<WriteJob>& jobs, const std::vector<UserId>& seen);
  // Forgets a share of what devices have said and push knows. Returns up to where nothing is left of it.
  LogNumber prune(WriteTransaction& transaction) const;
  void send(const Ingested& done, const std::stop_token& stop);
  // False: the session ended before everything was sent.
  bool deliver(std::span<const OutgoingDelivery> deliveries, std::uint64_t session,
               const std::stop_token& stop);
  void answer_node(const NodeId& node, const NodeProgress& progress);
  // Tells the nodes what is committed, as far as it is time to.
  void confirm();
  Confirmations::Clock::duration patience(std::optional<Confirmations::Clock::time_point> due) const;
  void note_catching_up(const NodeId& node, const NodeProgress& progress);
  void control(const NodeId& node, IngestControl::Kind kind, RecordNumber n);
  void count(const Ingested& done);

  void fail(const std::string& what);
  void note_turn() const;
  void note_attempt(const std::string& why_failed) const;
  bool pause(const std::stop_token& stop);
  void reconnect_if_refused();

  Database& database_;
  WriteQueue& queue_;
  Publisher& publisher_;
  const WriterOptions options_;
  const Events events_;
  Counters& counters_;
  const IngestRules rules_;
  const std::unique_ptr<StoreReader> reader_;

  std::shared_ptr<DeliveryTracker> tracker_;  // shared with acknowledgements that come after the writer's end
  LogNumber stored_mark_;
  LogNumber pruned_ = 0;       // of what devices have said, nothing is left up to here
  std::uint64_t session_ = 0;  // the last one that was prepared
  std::chrono::milliseconds backoff_;
  std::map<NodeId, RecordNumber> offsets_;  // of the nodes of this session
  std::map<NodeId, RecordNumber> asked_;    // the `from` that a hole was answered with
  Confirmations confirmations_;
  std::map<NodeId, RecordNumber> targets_;  // what a node that is behind had when it said hello
  bool damaged_ = false;                    // the batch in hand has a frame that cannot be read
  int damaged_in_a_row_ = 0;
  bool broken_ = false;
  std::optional<std::chrono::steady_clock::time_point> failed_since_;

  std::jthread thread_;  // last: it ends before the rest goes
};

}  // namespace duet
