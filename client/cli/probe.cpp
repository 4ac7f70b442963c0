// duet probe: one message from one service user to another, and what became of it, step by step.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <initializer_list>
#include <iomanip>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/account.h"
#include "client/cli/commands.h"
#include "client/cli/output.h"
#include "client/cli/render.h"
#include "file_io/secret_file.h"
#include "mqtt_link/link.h"
#include "protocol/envelope.h"
#include "protocol/payload.h"
#include "protocol/topic.h"

namespace duet {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr std::chrono::seconds kProbeTimeout{10};
constexpr std::chrono::seconds kProbeTokenLife{300};
// For the reason of a refusal, which comes as a message of its own.
constexpr std::chrono::seconds kPatienceWithReasons{1};
// Other probes may write into the same conversation at the same time.
constexpr std::uint64_t kHistoryPage = 20;

// What a step was called, how long it took, and why it failed.
struct Step {
  std::string name;
  Milliseconds took;
  std::string failed;  // empty: it succeeded
};

std::string random_name() {
  std::random_device random;
  std::ostringstream text;
  text << "probe-" << std::hex << std::setfill('0') << std::setw(8) << random() << std::setw(8) << random();
  return text.str();
}

// What the two sides have seen so far. Handlers write it, the main thread waits for it.
class Seen {
 public:
  void note(const std::string& what, const std::string& value = "") {
    const std::lock_guard lock(mutex_);
    facts_.emplace(what, value);
    changed_.notify_all();
  }
  // As above, but the newest value counts.
  void replace(const std::string& what, const std::string& value) {
    const std::lock_guard lock(mutex_);
    facts_[what] = value;
    changed_.notify_all();
  }
  // Whether all of them are there before the deadline, and none of `unless`.
  bool await(std::initializer_list<std::string> all, Clock::time_point deadline,
             const std::string& unless = "") const {
    std::unique_lock lock(mutex_);
    const auto is_there = [this](const std::string& what) { return facts_.contains(what); };
    const auto done = [&] { return std::all_of(all.begin(), all.end(), is_there); };
    changed_.wait_until(lock, deadline, [&] { return done() || is_there(unless); });
    return done();
  }
  std::optional<std::string> find(const std::string& what) const {
    const std::lock_guard lock(mutex_);
    const auto found = facts_.find(what);
    return found != facts_.end() ? std::optional(found->second) : std::nullopt;
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  // Guarded by mutex_.
  std::map<std::string, std::string> facts_;
};

class Probe {
 public:
  explicit Probe(const CliOptions& options)
      : options_(options),
        id_(MessageId::parse(random_name()).value()),
        from_{options.as.value_or(UserId::parse(kProbeSender).value()), DeviceId::parse(id_).value()},
        to_{options.peer.value_or(UserId::parse(kProbeReceiver).value()), DeviceId::parse(id_).value()},
        deadline_(Clock::now() + options.timeout.value_or(kProbeTimeout)) {}

  int run() {
    const auto began = Clock::now();
    try {
      take_steps();
    } catch (const std::exception& error) {
      finish_step("start", Clock::now(), error.what());
    }
    print(Clock::now() - began);
    return failed() ? EXIT_FAILURE : EXIT_SUCCESS;
  }

 private:
  void take_steps() {
    auto began = Clock::now();
    Link sender(link_options(from_, options_.token_file), handlers(from_, "sender"));
    Link receiver(link_options(to_, options_.peer_token_file), handlers(to_, "receiver"));
    sender.start();
    receiver.start();
    const bool connected = seen_.await({"sender connected", "receiver connected"}, deadline_);
    if (!finish_step("connect", began, connected ? "" : why_not_connected())) return;

    began = Clock::now();
    publish(sender);
    if (!finish_step("acknowledge", began, await_acknowledged())) return;
    if (!finish_step("store", began, await_event("sent", "the store has not said `sent`"))) return;
    if (!finish_step("deliver", began, await_event("msg", "the receiver was not sent the message"))) return;

    began = Clock::now();
    ask(receiver, "history");
    if (!finish_step("history", began, await_history())) return;
    // Where consent is required, the sender may go on.
    ask(receiver, "accept");
    seen_.await({"reply accept"}, std::min(deadline_, Clock::now() + kPatienceWithReasons));

    if (options_.url.empty()) finish_step("platform", Clock::now(), trouble_of_platform());
  }

  LinkOptions link_options(const Device& me, const std::filesystem::path& token_file) const {
    LinkOptions options;
    options.uri = options_.url.empty() ? find_platform(options_.data) : options_.url;
    options.tls.ca_file = options_.ca_file;
    options.client_id = format_client_id(me);
    if (options_.url.empty()) {
      options.password = [data = options_.data, me] {
        return sign_token(data, me.user, me.device, kProbeTokenLife);
      };
    } else {
      options.password = [token_file] { return read_secret_line(token_file); };
    }
    options.subscriptions = {{inbox_filter(me.user), 1}, {device_filter(me), 1}};
    options.first_backoff = std::chrono::milliseconds(500);
    return options;
  }

  LinkHandlers handlers(const Device& me, const std::string& side) {
    return {.on_connected = [this, side] { seen_.note(side + " connected"); },
            .on_message = [this, me](const LinkMessage& message) { on_message(me, message); },
            .on_state = [this, side](const std::string& state) { seen_.replace(side + " state", state); }};
  }

  void on_message(const Device& me, const LinkMessage& message) {
    const auto topic = parse_topic(message.topic);
    if (!topic) return;
    if (const auto* in = std::get_if<InTopic>(&*topic)) {
      const auto envelope = parse_envelope(message.payload);
      if (!envelope || envelope->id != id_) return;
      if (in->kind == InKind::sent && me == from_) seen_.note("sent");
      if (in->kind == InKind::message && me == to_) seen_.note("msg");
      return;
    }
    const auto* device = std::get_if<DeviceTopic>(&*topic);
    if (device == nullptr) return;
    if (device->kind == DeviceKind::reply) {
      const auto reply = json::parse(message.payload, nullptr, false);
      if (reply.is_object() && reply.contains("req") && reply.at("req").is_string()) {
        seen_.note("reply " + reply.at("req").get<std::string>(), std::string(message.payload));
      }
    } else if (device->kind == DeviceKind::error) {
      const auto error = parse_error(message.payload);
      if (error)
        seen_.note("error", std::string(to_string(error->refusal.code)) + ": " + error->refusal.message);
    }
  }

  void publish(Link& sender) {
    const auto payload = format_message({.id = id_, .body = "canary", .type = "text/plain"});
    const auto taken = sender.publish(
        {.topic = format_topic(OutTopic{from_.user, to_.user, OutKind::message}), .payload = payload},
        [this](bool ok) { seen_.note(ok ? "acknowledged" : "refused"); });
    if (taken != PublishResult::accepted) seen_.note("refused");
  }

  // About the conversation. The answer bears the method's name.
  void ask(Link& link, const std::string& method) const {
    RequestPayload request{};
    request.req = method;
    request.with = from_.user;
    if (method == "history") request.limit = kHistoryPage;
    link.publish({.topic = format_topic(DeviceTopic{to_, DeviceKind::request, method}),
                  .payload = format_request(request)});
  }

  std::string why_not_connected() const {
    for (const std::string side : {"sender", "receiver"}) {
      if (seen_.find(side + " connected")) continue;
      return "the " + side + ": " + seen_.find(side + " state").value_or("no answer from the broker");
    }
    return "no answer from the broker";
  }

  // MQTT 3.1.1 and 5 tell of a refusal by an event; MQTT 5 by the acknowledgement too.
  std::string await_acknowledged() const {
    if (seen_.await({"acknowledged"}, deadline_, "refused")) return "";
    if (!seen_.find("refused")) return "the broker has not acknowledged the message";
    seen_.await({"error"}, Clock::now() + kPatienceWithReasons);
    return "the message was refused: " + seen_.find("error").value_or("the connection ended");
  }

  std::string await_event(const std::string& what, const std::string& otherwise) const {
    if (seen_.await({what}, deadline_, "error")) return "";
    const auto error = seen_.find("error");
    return error ? "the message was refused: " + *error : otherwise;
  }

  std::string await_history() const {
    if (!seen_.await({"reply history"}, deadline_, "error")) {
      return "history was not answered: " + seen_.find("error").value_or("no reply");
    }
    const auto reply = json::parse(seen_.find("reply history").value_or(""), nullptr, false);
    const auto result = reply.find("result");
    if (result == reply.end() || !result->is_object()) return "history was refused";
    const auto messages = result->find("messages");
    if (messages == result->end() || !messages->is_array()) return "the answer to history is malformed";
    const bool there = std::any_of(messages->begin(), messages->end(), [this](const json& message) {
      return message.is_object() && message.value("id", "") == id_.str();
    });
    return there ? "" : "the message is not in the history";
  }

  // What the supervisor says of all processes, those included that no message passes.
  std::string trouble_of_platform() const {
    std::ifstream stream(options_.data / "ready.json");
    const auto ready = json::parse(stream, nullptr, false);
    if (!ready.is_object() || !ready.contains("ready")) return "ready.json does not say how the platform is";
    if (ready.at("ready") == true) return "";
    std::string reasons;
    for (const auto& reason : ready.value("reasons", json::array())) {
      if (reason.is_string()) reasons += (reasons.empty() ? "" : "; ") + reason.get<std::string>();
    }
    return reasons.empty() ? "not ready" : reasons;
  }

  // Whether it succeeded.
  bool finish_step(const std::string& name, Clock::time_point began, const std::string& failed) {
    steps_.push_back({name, Clock::now() - began, failed});
    return failed.empty();
  }
  bool failed() const { return !steps_.empty() && !steps_.back().failed.empty(); }

  void print(Milliseconds all) {
    const auto rounded = [](Milliseconds time) { return std::round(time.count() * 10) / 10; };
    if (options_.json) {
      json steps = json::array();
      for (const auto& step : steps_) {
        json one{{"step", step.name}, {"ok", step.failed.empty()}, {"ms", rounded(step.took)}};
        if (!step.failed.empty()) one["why"] = step.failed;
        steps.push_back(std::move(one));
      }
      const json result{{"ok", !failed()}, {"ms", rounded(all)}, {"steps", std::move(steps)}};
      return output_.line(result.dump(-1, ' ', false, json::error_handler_t::replace));
    }
    for (const auto& step : steps_) {
      std::ostringstream text;
      text << std::left << std::setw(12) << step.name;
      if (step.failed.empty()) {
        text << std::right << std::fixed << std::setprecision(1) << std::setw(9) << step.took.count()
             << " ms";
      } else {
        text << "failed: " << clean(step.failed);
      }
      output_.line(text.str());
    }
  }

  const CliOptions& options_;
  const MessageId id_;
  const Device from_;
  const Device to_;
  const Clock::time_point deadline_;
  Seen seen_;
  std::vector<Step> steps_;
  PlainOutput output_;
};

}  // namespace

int run_probe(const CliOptions& options) {
  return Probe(options).run();
}

}  // namespace duet
