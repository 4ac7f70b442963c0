#include "bench/load.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <stdexcept>

#include "protocol/envelope.h"
#include "protocol/payload.h"

namespace duet {
namespace {

constexpr std::chrono::seconds kLeadIn{1};  // a closed loop's, until it is in its stride
constexpr std::chrono::seconds kSettle{3};  // longer than the debounce of presence
constexpr std::chrono::seconds kDrainDeadline{60};
constexpr std::chrono::seconds kDrainSilence{10};  // nothing arrived for so long: nothing more will
constexpr std::chrono::milliseconds kDrainPoll{50};
constexpr std::size_t kWarmUpRounds = 2;
constexpr std::size_t kWarmUpAtOnce = 100;
// The broker accepts 1,000 unacknowledged publishes of a client (its Receive Maximum).
constexpr std::size_t kMaxUnacknowledged = 900;

PublishTemplate message_template(const PairPlan& plan, std::size_t pair, const LoadOptions& options) {
  const std::string prefix = message_id_prefix(options.marker, pair);
  MessagePayload message{MessageId::parse(prefix + std::string(PublishTemplate::kDigits, '0')),
                         std::string(options.body_bytes, 'x'), std::string(kDefaultMessageType)};
  const std::string payload = format_message(message);
  return {plan.message_topic, payload, payload.find(prefix) + prefix.size(), options.version};
}

}  // namespace

void Measurement::add(const Measurement& other) {
  duration += other.duration;
  delivered += other.delivered;
  to_peer.add(other.to_peer);
  to_sent.add(other.to_sent);
  cpu.resize(other.cpu.size());
  for (std::size_t i = 0; i < cpu.size(); ++i) {
    cpu[i].process = other.cpu[i].process;
    cpu[i].time += other.cpu[i].time;
  }
}

double Measurement::delivered_per_second() const {
  return static_cast<double>(delivered) / std::chrono::duration<double>(duration).count();
}

double Measurement::cpu_us_per_message(const Cpu& of) const {
  return std::chrono::duration<double, std::micro>(of.time).count() /
         static_cast<double>(std::max<std::uint64_t>(delivered, 1));
}

double Measurement::cpu_us_per_message() const {
  double sum = 0;
  for (const Cpu& process : cpu) {
    if (process.process != kGenerator) sum += cpu_us_per_message(process);
  }
  return sum;
}

Load::Load(Swarm& swarm, const Target& target, LoadOptions options)
    : swarm_(swarm), target_(target), options_(std::move(options)), processes_(target.processes) {
  processes_.push_back({std::string(kGenerator), ::getpid()});
  pairs_.reserve(target.pairs.size());
  for (const PairPlan& plan : target.pairs) {
    pairs_.push_back({message_template(plan, pairs_.size(), options_),
                      options_.receipts == Receipts::yes ? plan.receipt_topic : std::string(),
                      0,
                      0,
                      {},
                      {},
                      0,
                      {}});
  }
}

void Load::warm_up() {
  go_online();
  for (std::size_t round = 0; round < kWarmUpRounds; ++round) {
    for (std::size_t pair = 0; pair < pairs_.size(); ++pair) {
      publish(pair);
      if ((pair + 1) % kWarmUpAtOnce == 0) drain();
    }
    drain();
  }
  if (faults().total() == 0 && target_.confirms == Confirms::yes) run_until(BenchClock::now() + kSettle);
}

void Load::go_online() {
  for (std::size_t client = 0; client < swarm_.size(); ++client) {
    const PairPlan& plan = target_.pairs[client / 2];
    const ConnectPacket& connect = (client % 2 == 0 ? plan.sender : plan.recipient).connect;
    if (connect.will_topic.empty()) continue;
    swarm_.publish(client, connect.will_topic, format_presence(DeviceState::online));
    while (swarm_.client(client).unacknowledged() > 0) swarm_.poll(BenchClock::now() + kDrainPoll, *this);
  }
}

Measurement Load::open_loop(double per_second, std::chrono::seconds duration) {
  Measurement result;
  begin(Phase::open);
  schedule_period_ = std::chrono::duration<double>(1 / per_second);
  schedule_start_ = BenchClock::now() + std::chrono::milliseconds(10);
  const auto end = schedule_start_ + duration;
  const auto due = [&](std::uint64_t message) {
    return schedule_start_ +
           std::chrono::duration_cast<BenchClock::duration>(schedule_period_ * static_cast<double>(message));
  };
  measuring_ = &result;
  const auto cpu_before = cpu_times();
  const std::uint64_t delivered_before = delivered_;
  std::uint64_t message = 0;
  while (BenchClock::now() < end) {
    for (; due(message) <= BenchClock::now() && due(message) < end; ++message) {
      const std::size_t pair = message % pairs_.size();
      publish(pair);
      if (swarm_.client(2 * pair).unacknowledged() > kMaxUnacknowledged) {
        throw std::runtime_error("the broker does not keep up with this rate");
      }
    }
    swarm_.poll(std::min(due(message), end), *this);
  }
  result.duration = duration;
  result.delivered = delivered_ - delivered_before;
  note_cpu(cpu_before, result);
  drain();
  measuring_ = nullptr;
  return result;
}

Measurement Load::closed_loop(std::size_t window, std::chrono::seconds duration) {
  Measurement result;
  begin(Phase::closed);
  window_ = window;
  for (std::size_t pair = 0; pair < pairs_.size(); ++pair) {
    pairs_[pair].sent_at.resize(std::bit_ceil(window));
    refill(pair);
  }
  run_until(BenchClock::now() + kLeadIn);
  measuring_ = &result;
  const auto cpu_before = cpu_times();
  const std::uint64_t delivered_before = delivered_;
  const auto start = BenchClock::now();
  run_until(start + duration);
  result.duration = BenchClock::now() - start;
  result.delivered = delivered_ - delivered_before;
  note_cpu(cpu_before, result);
  measuring_ = nullptr;
  phase_ = Phase::idle;
  drain();
  return result;
}

Faults Load::faults() const {
  Faults all = faults_;
  all.missing += published_ - delivered_;
  if (target_.confirms == Confirms::yes) all.missing += published_ - confirmed_;
  for (const Pair& pair : pairs_) {
    if (!pair.receipt_topic.empty() && pair.receipt < pair.delivered.last_seq()) ++all.missing;
  }
  for (std::size_t client = 0; client < swarm_.size(); ++client) {
    all.refused += swarm_.client(client).refused();
  }
  return all;
}

void Load::on_message(std::size_t client, Received kind, std::string_view payload) {
  const bool at_sender = client % 2 == 0;
  switch (kind) {
    case Received::message:
      if (at_sender) break;
      return on_arrival(client / 2, kind, payload);
    case Received::sent:
      if (!at_sender) break;
      return on_arrival(client / 2, kind, payload);
    case Received::receipt:
      return on_receipt(client, payload);
    case Received::error:
      return on_refusal(payload);
    case Received::reply:
    case Received::other:
      return;
  }
  ++faults_.misrouted;
}

void Load::on_arrival(std::size_t index, Received kind, std::string_view payload) {
  Pair& pair = pairs_[index];
  const auto found = find_number(payload, options_.marker);
  if (!found || found->pair != index || found->number >= pair.published) {
    ++faults_.misrouted;
    return;
  }
  const bool delivered = kind == Received::message;
  Stream& stream = delivered ? pair.delivered : pair.confirmed;
  const std::uint64_t taken = stream.take(found->number, faults_);
  if (taken == 0) return;
  (delivered ? delivered_ : confirmed_) += taken;
  if (target_.confirms == Confirms::yes) stream.take_seq(find_seq(payload), faults_);
  if (measuring_ != nullptr && found->number >= pair.phase_start) {
    const auto latency = BenchClock::now() - published_at(pair, index, found->number);
    (delivered ? measuring_->to_peer : measuring_->to_sent).record(latency);
  }
  if (delivered && !pair.receipt_topic.empty()) confirm_receipt(index);
  if (phase_ == Phase::closed) refill(index);
}

void Load::on_receipt(std::size_t client, std::string_view payload) {
  if (client % 2 != 0) return;  // the recipient's own, told to all of its devices
  const auto receipt = parse_receipt_event(payload);
  Pair& pair = pairs_[client / 2];
  if (receipt) pair.receipt = std::max(pair.receipt, receipt->delivered);
}

void Load::on_refusal(std::string_view payload) {
  const auto error = parse_error(payload);
  throw std::runtime_error("the platform refused a publish: " +
                           (error
                                ? std::string(to_string(error->refusal.code)) + ", " + error->refusal.message
                                : std::string("its error event is not one")));
}

void Load::confirm_receipt(std::size_t index) {
  const Pair& pair = pairs_[index];
  swarm_.publish(2 * index + 1, pair.receipt_topic,
                 format_receipt({.delivered = pair.delivered.last_seq(), .read = 0}));
}

BenchClock::time_point Load::published_at(const Pair& pair, std::size_t index, std::uint64_t number) const {
  if (phase_ == Phase::closed) return pair.sent_at[number & (pair.sent_at.size() - 1)];
  const std::uint64_t message = (number - pair.phase_start) * pairs_.size() + index;
  return schedule_start_ +
         std::chrono::duration_cast<BenchClock::duration>(schedule_period_ * static_cast<double>(message));
}

void Load::publish(std::size_t index) {
  Pair& pair = pairs_[index];
  swarm_.publish(2 * index, pair.message, pair.published);
  ++pair.published;
  ++published_;
}

void Load::refill(std::size_t index) {
  Pair& pair = pairs_[index];
  const auto done = [&] {
    return target_.confirms == Confirms::yes ? std::min(pair.delivered.next(), pair.confirmed.next())
                                             : pair.delivered.next();
  };
  while (pair.published - done() < window_) {
    pair.sent_at[pair.published & (pair.sent_at.size() - 1)] = BenchClock::now();
    publish(index);
  }
}

void Load::begin(Phase phase) {
  phase_ = phase;
  for (Pair& pair : pairs_) pair.phase_start = pair.published;
}

void Load::run_until(BenchClock::time_point end) {
  while (BenchClock::now() < end) swarm_.poll(end, *this);
}

void Load::drain() {
  const auto deadline = BenchClock::now() + kDrainDeadline;
  auto last_arrival = BenchClock::now();
  while (!complete() && BenchClock::now() < std::min(deadline, last_arrival + kDrainSilence)) {
    const std::uint64_t arrived = delivered_ + confirmed_;
    swarm_.poll(BenchClock::now() + kDrainPoll, *this);
    if (delivered_ + confirmed_ > arrived) last_arrival = BenchClock::now();
  }
}

bool Load::complete() const {
  if (delivered_ < published_) return false;
  if (target_.confirms == Confirms::no) return true;
  if (confirmed_ < published_) return false;
  return options_.receipts == Receipts::no || std::all_of(pairs_.begin(), pairs_.end(), [](const Pair& pair) {
           return pair.receipt >= pair.delivered.last_seq();
         });
}

std::vector<std::chrono::nanoseconds> Load::cpu_times() const {
  std::vector<std::chrono::nanoseconds> times;
  for (const MeasuredProcess& process : processes_) times.push_back(cpu_time(process));
  return times;
}

void Load::note_cpu(const std::vector<std::chrono::nanoseconds>& before, Measurement& measurement) const {
  const auto after = cpu_times();
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    measurement.cpu.push_back({processes_[i].name, after[i] - before[i]});
  }
}

}  // namespace duet
