#include "store_service/writer.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <condition_variable>
#include <iterator>
#include <mutex>
#include <utility>

#include "file_io/crash_point.h"
#include "protocol/topic.h"
#include "store_service/cursor.h"
#include "store_service/partition.h"

namespace duet {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxFramesInFlight = 64;
constexpr std::size_t kRedeliveryPage = 100;
constexpr int kMaxDamagedInARow = 5;
// What push knows is forgotten once it is so many log numbers, at most as many rows in one transaction.
constexpr LogNumber kPruneStep = 5000;
constexpr milliseconds kPollInterval{100};
constexpr milliseconds kRefusedPatience{2000};

}  // namespace

Writer::Writer(Database& database, WriteQueue& queue, Publisher& publisher, WriterOptions options,
               Events events, Counters& counters)
    : database_(database),
      queue_(queue),
      publisher_(publisher),
      options_(std::move(options)),
      events_(std::move(events)),
      counters_(counters),
      rules_{database.epoch(), options_.limits, kPartition, options_.strangers},
      reader_(database.reader()),
      tracker_(std::make_shared<DeliveryTracker>(reader_->delivered_mark())),
      stored_mark_(tracker_->mark()),
      backoff_(options_.first_backoff),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void Writer::run(const std::stop_token& stop) {
  while (!stop.stop_requested() && !broken_) {
    note_turn();
    const auto due = confirmations_.due();
    const bool found = queue_.wait(stop, session_, patience(due));
    const auto session = queue_.session();
    if (session != 0 && session != session_ && !begin_session(session, stop)) pause(stop);
    confirm();
    // Woken up for the confirmations alone, it does not write: the delivered mark can wait.
    if (found || !due) write(queue_.take(session_), stop);
    confirm();
    reconnect_if_refused();
  }
  finish(stop);
}

void Writer::finish(const std::stop_token& stop) {
  if (!broken_) write(queue_.take(session_), stop);
  if (!tracker_->wait_for_room(1, options_.patience)) {
    spdlog::warn("the broker has not acknowledged everything: it will be delivered again");
  }
  if (tracker_->mark() > stored_mark_) try_commit({}, {}, {});
}

bool Writer::begin_session(std::uint64_t session, const std::stop_token& stop) {
  DUET_CRASH_POINT("session.begin");
  tracker_->restart();
  offsets_.clear();
  asked_.clear();
  targets_.clear();
  confirmations_.clear();
  failed_since_.reset();
  try {
    if (!publish_blocks() || !redeliver(session, stop)) return false;
  } catch (const StoreError& error) {
    fail(error.what());
    return false;
  }
  backoff_ = options_.first_backoff;
  note_attempt("");
  session_ = session;
  events_.on_ready(session);
  return true;
}

bool Writer::publish_blocks() {
  bool accepted = true;
  BlockUpdate page{true, {}, {}};
  const auto send_page = [&] {
    const auto result = publisher_.publish(
        {format_topic(ServiceTopic{"store", ServiceKind::blocks}), format_block_update(page)});
    accepted = accepted && result == PublishResult::accepted;
    page = {};
  };
  reader_->for_each_block([&](const Block& block) {
    if (page.add.size() == kServicePage) send_page();
    page.add.push_back(block);
  });
  send_page();
  return accepted;
}

bool Writer::redeliver(std::uint64_t session, const std::stop_token& stop) {
  DUET_CRASH_POINT("session.redeliver");
  std::size_t count = 0;
  for (LogNumber after = tracker_->mark();;) {
    const auto page = reader_->undelivered(after, kRedeliveryPage);
    if (page.empty()) break;
    std::vector<OutgoingDelivery> deliveries;
    for (const auto& item : page) {
      auto content = item.content;
      std::visit([&](auto& one) { one.cursor = format_cursor(rules_.epoch, item.log_number); }, content);
      if (const auto* envelope = std::get_if<Envelope>(&content)) {
        add_message(*envelope, item.log_number, deliveries);
      } else {
        const auto& receipt = std::get<Receipt>(content);
        const auto& peer = receipt.by == item.to_first ? item.to_second : item.to_first;
        const auto add = item.withheld ? add_withheld_receipt : add_receipt;
        add(receipt, peer, item.log_number, deliveries);
      }
    }
    if (!deliver(deliveries, session, stop)) return false;
    after = page.back().log_number;
    count += page.size();
  }
  DUET_CRASH_POINT("session.redelivered");
  if (count > 0) spdlog::info("delivered {} changes again, which the broker may have missed", count);
  return true;
}

void Writer::write(WriteQueue::Work work, const std::stop_token& stop) {
  const auto frames = decode(work.frames);
  if (broken_) return;
  const bool nothing_to_do = frames.empty() && work.jobs.empty() && work.seen.empty();
  if (nothing_to_do && !damaged_ && tracker_->mark() <= stored_mark_) return;

  auto done = try_commit(frames, work.jobs, work.seen);
  while (!done) {
    std::erase_if(work.jobs, [](const WriteJob& job) {
      if (job.on_failed) job.on_failed();
      return job.on_failed != nullptr;
    });
    if (!pause(stop)) return;  // the records stay in the journals
    auto more = queue_.take(0);
    std::move(more.jobs.begin(), more.jobs.end(), std::back_inserter(work.jobs));
    std::move(more.seen.begin(), more.seen.end(), std::back_inserter(work.seen));
    done = try_commit(frames, work.jobs, work.seen);
  }
  backoff_ = options_.first_backoff;
  for (const auto& job : work.jobs) {
    if (job.tell) job.tell(done->deliveries);
  }
  count(*done);
  send(*done, stop);
  for (const auto& job : work.jobs) {
    if (job.on_committed) job.on_committed();
  }
}

std::vector<IngestFrame> Writer::decode(const std::vector<std::string>& frames) {
  damaged_ = false;
  std::vector<IngestFrame> decoded;
  for (const auto& bytes : frames) {
    ++counters_.frames;
    auto frame = decode_ingest_frame(bytes);
    if (frame) {
      decoded.push_back(*std::move(frame));
    } else {
      note_damage(frame.error());
    }
  }
  return decoded;
}

void Writer::note_damage(DecodeError error) {
  damaged_ = true;
  ++damaged_in_a_row_;
  spdlog::error("an ingest frame cannot be read: {}", to_string(error));
  if (damaged_in_a_row_ <= kMaxDamagedInARow || broken_) return;
  spdlog::error("the journal still sends what cannot be read after {} requests to send it again: giving up",
                kMaxDamagedInARow);
  broken_ = true;
  events_.on_broken();
}

std::optional<Ingested> Writer::try_commit(const std::vector<IngestFrame>& frames,
                                           const std::vector<WriteJob>& jobs,
                                           const std::vector<UserId>& seen) {
  DUET_CRASH_POINT("ingest.begin");
  try {
    const auto transaction = database_.begin();
    for (const auto& user : seen) transaction->note_seen(user);  // first: the frames may be for them
    auto done = ingest(*transaction, frames, rules_);
    DUET_CRASH_POINT("ingest.applied");
    for (const auto& job : jobs) job.apply(*transaction);
    const auto mark = tracker_->mark();
    if (mark > stored_mark_) {
      DUET_CRASH_POINT("ingest.mark");
      transaction->set_delivered_mark(mark);
    }
    const auto pruned = prune(*transaction);
    DUET_CRASH_POINT("ingest.commit.before");
    transaction->commit();
    DUET_CRASH_POINT("ingest.commit.after");
    stored_mark_ = std::max(stored_mark_, mark);
    pruned_ = pruned;
    note_attempt("");
    if (events_.on_committed) events_.on_committed();
    ++counters_.commits;
    return done;
  } catch (const StoreError& error) {
    fail(error.what());
    return std::nullopt;
  }
}

LogNumber Writer::prune(WriteTransaction& transaction) const {
  const LogNumber confirmed = events_.push_confirmed ? events_.push_confirmed() : 0;
  if (confirmed < pruned_ + kPruneStep) return pruned_;
  return transaction.prune_device_receipts(confirmed, kPruneStep) < kPruneStep ? confirmed : pruned_;
}

void Writer::count(const Ingested& done) {
  counters_.messages += done.messages;
  counters_.duplicates += done.duplicates;
  counters_.receipts += done.receipts;
  counters_.refused += done.refused.size();
  for (const auto& record : done.refused) {
    spdlog::debug("record {} of node {} is refused: {}", record.n, record.node.str(), to_string(record.code));
  }
  for (const auto& lost : done.lost) {
    spdlog::error("records {} to {} of node {} are missing: its journal does not have them any more",
                  lost.first, lost.last, lost.node.str());
  }
}

void Writer::send(const Ingested& done, const std::stop_token& stop) {
  for (const auto& [node, progress] : done.nodes) {
    const auto known = offsets_.find(node);
    if (known != offsets_.end() && progress.offset > known->second) damaged_in_a_row_ = 0;
    offsets_[node] = progress.offset;
  }
  // A session that began during the commit starts by delivering this batch again, and with a hello.
  DUET_CRASH_POINT("deliver.before");
  if (queue_.session() != session_ || !deliver(done.deliveries, session_, stop)) return;
  DUET_CRASH_POINT("deliver.after");
  for (const auto& [node, progress] : done.nodes) answer_node(node, progress);
  if (!damaged_) return;
  for (const auto& [node, offset] : offsets_) control(node, IngestControl::Kind::from, offset + 1);
}

bool Writer::deliver(std::span<const OutgoingDelivery> deliveries, std::uint64_t session,
                     const std::stop_token& stop) {
  bool first = true;
  for (auto& frame : pack_deliveries(deliveries)) {
    note_turn();
    if (!std::exchange(first, false)) DUET_CRASH_POINT("deliver.between");
    while (!tracker_->wait_for_room(kMaxFramesInFlight, kPollInterval)) {
      note_turn();
      if (stop.stop_requested()) return false;
    }
    if (queue_.session() != session) return false;
    const auto ticket = tracker_->sent(frame.through);
    const auto result =
        publisher_.publish({format_topic(PipeTopic{kPartition, PipeKind::deliver}), std::move(frame.bytes)},
                           [tracker = tracker_, ticket](bool ok) { tracker->settled(ticket, ok); });
    if (result != PublishResult::accepted) {
      tracker_->settled(ticket, false);
      return false;
    }
  }
  return true;
}

void Writer::answer_node(const NodeId& node, const NodeProgress& progress) {
  if (progress.sent_records) confirmations_.add(node, progress.offset);
  const RecordNumber from = progress.offset + 1;
  if (progress.said_hello) {
    DUET_CRASH_POINT("session.hello");
    control(node, IngestControl::Kind::from, from);
  } else if (progress.left_a_hole && asked_[node] != from) {
    // Once for each hole: the frames that were on their way behind it are no new reason to ask.
    spdlog::warn("node {}: records from {} on are missing, asking for them again", node.str(), from);
    control(node, IngestControl::Kind::from, from);
    asked_[node] = from;
  }
  note_catching_up(node, progress);
}

void Writer::confirm() {
  const auto due = confirmations_.take(Confirmations::Clock::now());
  if (due.empty()) return;
  for (const auto& [node, offset] : due) control(node, IngestControl::Kind::committed, offset);
  DUET_CRASH_POINT("deliver.told");
}

// How long to wait for work.
Confirmations::Clock::duration Writer::patience(std::optional<Confirmations::Clock::time_point> due) const {
  if (!due) return options_.idle;
  return std::max<Confirmations::Clock::duration>(*due - Confirmations::Clock::now(), {});
}

void Writer::note_catching_up(const NodeId& node, const NodeProgress& progress) {
  if (progress.said_hello) {
    const bool behind = progress.last > progress.offset;
    spdlog::info("node {} is here, its last record is {}, stored are those up to {}", node.str(),
                 progress.last, progress.offset);
    if (behind) targets_[node] = progress.last;
  }
  const auto target = targets_.find(node);
  if (target == targets_.end() || progress.offset < target->second) return;
  spdlog::info("node {}: caught up at record {}", node.str(), progress.offset);
  targets_.erase(target);
}

void Writer::control(const NodeId& node, IngestControl::Kind kind, RecordNumber n) {
  // At QoS 0: the broker loses none of what a live connection brings it, and an acknowledgement would wake
  // both sides for nothing.
  const auto result = publisher_.publish({.topic = format_topic(PipeTopic{kPartition, PipeKind::control}),
                                          .payload = format_ingest_control({node, kind, n}),
                                          .qos = 0});
  // Not connected: the next session begins with a hello. Queue full: the node sends its frames again.
  if (result != PublishResult::accepted) spdlog::debug("a word to node {} was not sent", node.str());
}

void Writer::fail(const std::string& what) {
  spdlog::error("the database failed: {}; nothing is lost, next attempt in {} ms", what, backoff_.count());
  note_attempt(what);
}

void Writer::note_turn() const {
  if (events_.on_turn) events_.on_turn();
}

void Writer::note_attempt(const std::string& why_failed) const {
  if (events_.on_attempt) events_.on_attempt(why_failed);
}

bool Writer::pause(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  note_turn();
  never.wait_for(lock, stop, backoff_, [] { return false; });
  backoff_ = std::min(backoff_ * 2, options_.max_backoff);
  return !stop.stop_requested();
}

// A deliver frame was refused on a connection that lives on: only a new one delivers it again.
void Writer::reconnect_if_refused() {
  if (!tracker_->failed() || queue_.session() != session_ || session_ == 0) {
    failed_since_.reset();
    return;
  }
  if (!failed_since_) failed_since_ = options_.now();
  if (options_.now() - *failed_since_ < kRefusedPatience) return;
  spdlog::error("the broker refused a delivery: connecting anew to repeat it");
  failed_since_.reset();
  publisher_.reconnect();
}

}  // namespace duet
