#include "push_bridge/push_commands.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <future>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <utility>

#include "push_bridge/channel.h"
#include "push_bridge/http2_poster.h"
#include "push_bridge/push_config.h"
#include "push_bridge/push_database.h"
#include "push_bridge/push_id.h"

namespace duet {
namespace {

constexpr std::chrono::minutes kTestLives{5};
constexpr int kTries = 3;

Timestamp wall_now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

template <typename... Values>
void say(fmt::format_string<Values...> format, Values&&... values) {
  std::cout << fmt::format(format, std::forward<Values>(values)...) << '\n';
}

std::string_view word_for(Judgement::Action action) {
  using Action = Judgement::Action;
  switch (action) {
    case Action::sent:
      return "accepted";
    case Action::retry:
      return "not now, try again";
    case Action::drop_token:
      return "the token is gone: the bridge would forget it";
    case Action::suspect_token:
      return "the token is refused: it is gone, or of another app or environment than the configuration says";
    case Action::remint:
      return "our credentials have expired";
    case Action::pause:
      return "our configuration or our keys are wrong: the bridge would pause";
    case Action::give_up:
      return "it will never be accepted";
  }
  return {};
}

std::string outcome(const PostResult& result) {
  if (result.kind == PostResult::Kind::answered) return fmt::format("HTTP {}", result.status);
  return result.error;
}

// Posts and waits.
PostResult exchange(Poster& poster, const HttpPost& request) {
  std::promise<PostResult> answer;
  if (!poster.post(request, [&answer](PostResult result) { answer.set_value(std::move(result)); })) {
    return {.kind = PostResult::Kind::not_sent, .error = "the poster takes nothing more"};
  }
  return answer.get_future().get();
}

bool get_credentials(Sender& sender, Poster& poster) {
  const auto request = sender.credentials_request(wall_now());
  if (!request) return true;
  const auto result = exchange(poster, *request);
  const auto judgement = sender.take_credentials(result, wall_now());
  say("  credentials: {}: {}", outcome(result), judgement.reason);
  return judgement.action == Judgement::Action::sent;
}

bool push_once(Sender& sender, Poster& poster, const Notification& notification,
               const Registration& registration) {
  for (int attempt = 1; attempt <= kTries; ++attempt) {
    if (!get_credentials(sender, poster)) return false;
    const auto request = sender.prepare(notification, registration, wall_now());
    if (!request) {
      say("  it cannot be made: {}", request.error());
      return false;
    }
    const auto result = exchange(poster, *request);
    const auto judgement = sender.judge(result, notification, registration, attempt, wall_now());
    say("  attempt {}: {}: {} ({})", attempt, outcome(result), word_for(judgement.action), judgement.reason);
    if (judgement.action == Judgement::Action::sent) return true;
    if (judgement.action != Judgement::Action::remint) return false;
    if (judgement.close_connection) poster.renew_connections(request->url);
  }
  return false;
}

bool test_one(Sender& sender, Poster& poster, const Registration& registration) {
  const auto now = wall_now();
  const Notification notification{.id = new_push_id(),
                                  .kind = Notification::Kind::test,
                                  .to = registration.device,
                                  .conversation = {},
                                  .seq = 0,
                                  .badge = 0,
                                  .expires_at = now + kTestLives};
  say("{}: {}, registered {:%F %T} UTC, push {}", format_client_id(registration.device),
      channel_of(registration), std::chrono::floor<std::chrono::seconds>(registration.registered_at),
      notification.id);
  return push_once(sender, poster, notification, registration);
}

std::vector<Registration> registrations_for(PushDatabase& database, const TestPushCommand& command) {
  const auto user = UserId::parse(command.user);
  if (!user) throw std::runtime_error("--user: no name of a user");
  auto found = database.registrations().of_user(*user);
  if (!command.device.empty()) {
    std::erase_if(found, [&](const Registration& one) { return one.device.device.str() != command.device; });
  }
  return found;
}

void print(const DecisionRecord& record) {
  auto line = fmt::format("  {:%F %T} UTC  {}: {}", record.at, record.decided, record.why);
  if (record.attempt > 0) line += fmt::format(" (attempt {} of push {})", record.attempt, record.push_id);
  std::cout << line << '\n';
}

}  // namespace

int check_push(const std::filesystem::path& config_file) {
  const auto config = load_push_config(config_file, wall_now());
  class NoMemory final : public TokenMemory {
    std::optional<std::string> load(const std::string& /*name*/) override { return std::nullopt; }
    void save(const std::string& /*name*/, const std::string& /*value*/) override {}
  };
  for (const auto& [name, sender] : make_senders(config, std::make_shared<NoMemory>())) {
    say("{}: its configuration and keys can be used", name);
  }
  if (!std::filesystem::exists(config.database)) {
    say("{}: is made at the first start", config.database.string());
  } else {
    PushDatabase database(config.database, PushDatabase::Access::reader);
    say("{}: {} devices are registered, {} pushes wait", config.database.string(),
        database.registrations().count(), database.jobs().size());
  }
  return EXIT_SUCCESS;
}

int run(const TestPushCommand& command) {
  const auto config = load_push_config(command.config, wall_now());
  Http2Poster poster({.ca_file = config.ca_file});
  PushDatabase database(config.database, PushDatabase::Access::reader);
  const auto senders =
      make_senders(config, std::make_shared<StoredTokens>(database, PushDatabase::Access::reader));
  const auto found = registrations_for(database, command);
  if (found.empty()) {
    say("no such device has a registration");
    return EXIT_FAILURE;
  }
  bool all = true;
  for (const auto& registration : found) {
    const auto sender = senders.find(channel_of(registration));
    if (sender == senders.end())
      say("{}: {} is not configured", format_client_id(registration.device), channel_of(registration));
    all = sender != senders.end() && test_one(*sender->second, poster, registration) && all;
  }
  return all ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run(const WhyCommand& command) {
  const auto config = load_push_config(command.config, wall_now());
  PushDatabase database(config.database, PushDatabase::Access::reader);
  bool any = false;
  for (const auto& record : database.decisions().of_message(command.message)) {
    if (!command.user.empty() && record.device.user.str() != command.user) continue;
    any = true;
    say("{}, message {} of the conversation with {}:", format_client_id(record.device), record.seq,
        record.peer.str());
    print(record);
    for (const auto& later : database.decisions().after(record)) print(later);
  }
  if (any) return EXIT_SUCCESS;
  say("nothing is known of it: no device of its recipient was registered, it is none of the last {} "
      "decisions, or the "
      "bridge has not seen it yet",
      DecisionLog::kKeep);
  return EXIT_FAILURE;
}

}  // namespace duet
