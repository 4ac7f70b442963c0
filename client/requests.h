// client/requests.h: questions to the store that wait for their answers.
//
// A question is published again when its answer takes long, when it was refused for now, and after a new
// connection: every method may be asked twice. A state machine without clock or network. Not synchronised.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/retry.h"
#include "protocol/payload.h"

namespace duet {

class Requests {
 public:
  using Answer = Result<nlohmann::json, Refusal>;
  using Handler = std::function<void(Answer)>;
  static constexpr std::size_t kMaxWaiting = 1'000;

  // `prefix` tells this process's questions from those of an earlier one.
  explicit Requests(std::string prefix) : prefix_(std::move(prefix)) {}

  bool full() const { return waiting_.size() >= kMaxWaiting; }
  // Precondition: not full. Without a deadline it waits for ever.
  void add(std::string method, RequestPayload parameters, std::optional<SteadyTime> deadline,
           Handler handler);

  void open() { open_ = true; }
  void close();

  struct Due {
    std::string method;
    std::string payload;
  };
  // What to publish now.
  std::vector<Due> due(SteadyTime now);
  std::optional<SteadyTime> next_time() const;

  // A handler that can be called now, with its answer.
  struct Answered {
    Handler handler;
    Answer answer;
  };
  // A reply. Nullopt: it is not ours, not of the form, or the question will be asked again.
  std::optional<Answered> reply(std::string_view payload, SteadyTime now);
  std::vector<Answered> expired(SteadyTime now);

 private:
  struct Waiting {
    std::string method;
    RequestPayload parameters;
    std::optional<SteadyTime> deadline;
    Handler handler;
    SteadyTime at{};  // to be published, again
    Delay again;
    Delay retry{kFirstRetry, kMaxRetry};
  };

  const std::string prefix_;
  std::uint64_t last_number_ = 0;
  bool open_ = false;
  std::map<std::string, Waiting> waiting_;  // by req
};

}  // namespace duet
