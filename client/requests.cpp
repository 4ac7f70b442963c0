#include "client/requests.h"

#include <utility>

#include "client/outbox.h"
#include "protocol/json_codec.h"

namespace duet {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kFirstAgain{5'000};
constexpr std::chrono::milliseconds kMaxAgain{30'000};

// The `result` or `error` of a reply; nullopt when it has neither.
std::optional<Requests::Answer> answer_in(json& reply) {
  if (const auto error = reply.find("error"); error != reply.end()) {
    auto refusal = refusal_from(*error);
    if (!refusal) return std::nullopt;
    return Failure<Refusal>(*std::move(refusal));
  }
  if (const auto result = reply.find("result"); result != reply.end()) return std::move(*result);
  return std::nullopt;
}

}  // namespace

void Requests::add(std::string method, RequestPayload parameters, std::optional<SteadyTime> deadline,
                   Handler handler) {
  parameters.req = prefix_ + std::to_string(++last_number_);
  auto req = parameters.req;
  waiting_.emplace(std::move(req), Waiting{.method = std::move(method),
                                           .parameters = std::move(parameters),
                                           .deadline = deadline,
                                           .handler = std::move(handler),
                                           .again = Delay(kFirstAgain, kMaxAgain)});
}

void Requests::close() {
  open_ = false;
  for (auto& [req, waiting] : waiting_) {
    waiting.at = {};
    waiting.again = Delay(kFirstAgain, kMaxAgain);
  }
}

std::vector<Requests::Due> Requests::due(SteadyTime now) {
  std::vector<Due> all;
  if (!open_) return all;
  for (auto& [req, waiting] : waiting_) {
    if (waiting.at > now) continue;
    waiting.at = now + waiting.again.next();
    all.push_back({waiting.method, format_request(waiting.parameters)});
  }
  return all;
}

std::optional<SteadyTime> Requests::next_time() const {
  std::optional<SteadyTime> next;
  for (const auto& [req, waiting] : waiting_) {
    next = earlier(next, waiting.deadline);
    if (open_) next = earlier(next, waiting.at);
  }
  return next;
}

std::optional<Requests::Answered> Requests::reply(std::string_view payload, SteadyTime now) {
  auto parsed = json::parse(payload, nullptr, false);
  if (!parsed.is_object()) return std::nullopt;
  const auto req = parsed.find("req");
  if (req == parsed.end() || !req->is_string()) return std::nullopt;
  const auto found = waiting_.find(req->get_ref<const std::string&>());
  if (found == waiting_.end()) return std::nullopt;
  auto answer = answer_in(parsed);
  if (!answer) return std::nullopt;
  auto& waiting = found->second;
  if (!*answer && refused_for_now(answer->error().code)) {
    waiting.at = now + waiting.retry.next();
    return std::nullopt;
  }
  Answered answered{std::move(waiting.handler), *std::move(answer)};
  waiting_.erase(found);
  return answered;
}

std::vector<Requests::Answered> Requests::expired(SteadyTime now) {
  std::vector<Answered> all;
  for (auto next = waiting_.begin(); next != waiting_.end();) {
    if (!next->second.deadline || *next->second.deadline > now) {
      ++next;
      continue;
    }
    all.push_back(
        {std::move(next->second.handler), refuse(ErrorCode::unavailable, "no answer from the platform")});
    next = waiting_.erase(next);
  }
  return all;
}

}  // namespace duet
