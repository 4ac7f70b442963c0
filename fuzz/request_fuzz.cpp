// Requests against a store with a few conversations. Input: a letter (a, b, c, e: who asks), a line with the
// method, and the payload.
#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "fuzz/fuzz.h"
#include "protocol/json_codec.h"
#include "store_service/requests.h"
#include "tests/unit/store_service/database.h"

namespace duet::fuzz {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxReplyBytes = std::size_t{128} * 1024;

// alice and bob have talked much, some of it at length; alice and carol a little. eve has nobody.
class World {
 public:
  World() {
    for (int i = 1; i <= 60; ++i) {
      const bool alice = i % 3 != 0;
      store_.store_message(alice ? "alice" : "bob", alice ? "bob" : "alice", "m" + std::to_string(i),
                           std::string(i % 10 == 0 ? 20'000 : 8, 'x'));
    }
    store_.store_message("carol", "alice", "c1");
    store_.store_receipt("bob", "alice", R"({"read":7})");
    store_.block("alice", "mallory");
    reader_ = store_.database.reader();
  }

  StoreReader& reader() { return *reader_; }
  const std::string& epoch() const { return store_.database.epoch(); }
  std::string cursor(LogNumber n) const { return store_.cursor(n); }

 private:
  TemporaryStore store_;
  std::unique_ptr<StoreReader> reader_;
};

World& world() {
  static World one;
  return one;
}

// As the request workers do it; what needs their neighbours is left out.
Answer answer(Method method, const UserId& me, const RequestPayload& request) {
  auto& reader = world().reader();
  switch (method) {
    case Method::history:
      return answer_history(reader, me, request);
    case Method::conversations:
      return answer_conversations(reader, world().epoch(), me, request, Timestamp());
    case Method::sync:
      return answer_sync(reader, world().epoch(), me, request);
    case Method::blocks:
      return answer_blocks(reader, me);
    case Method::devices:
      return answer_devices(reader.devices(me), {}, Timestamp());
    case Method::presence:
    case Method::block:
    case Method::unblock:
    case Method::accept:
    case Method::mute:
    case Method::unmute:
      break;
  }
  const auto peer = peer_of(me, request);
  if (!peer) return Failure<Refusal>(peer.error());
  require(*peer != me, "a peer is somebody else");
  return json::object();
}

void check_history(const UserId& me, const RequestPayload& request, const json& result) {
  Seq last = request.after.value_or(0);
  for (const auto& message : result.at("messages")) {
    const auto envelope = envelope_from(message);
    require(envelope.has_value(), "history holds envelopes");
    require(envelope->seq > last && (!request.before_seq || envelope->seq < *request.before_seq),
            "history ascends between its bounds");
    last = envelope->seq;
    const auto& peer = request.with.value();
    require((envelope->from == me && envelope->to == peer) || (envelope->from == peer && envelope->to == me),
            "history is of the two alone");
  }
  require(result.at("messages").size() <= request.limit.value_or(kDefaultLimit), "a page keeps its limit");
}

void check_sync(const UserId& me, const RequestPayload& request, const json& result) {
  const auto number = [](const std::string& cursor) { return parse_cursor(cursor, world().epoch()).value(); };
  LogNumber last = request.cursor ? number(*request.cursor) : 0;
  for (const auto& change : result.at("changes")) {
    const auto n = number(change.at("cur"));
    require(n > last, "changes ascend");
    last = n;
    require(change.at("kind") == "receipt" || change.at("from") == me.str() || change.at("to") == me.str(),
            "changes are one's own");
  }
  require(number(result.at("cursor")) == last, "the cursor is that of the last change");
  require(!result.at("changes").empty() || result.at("live"), "a page that is not the last holds something");
}

void check_conversations(const UserId& me, const json& result) {
  for (const auto& conversation : result.at("conversations")) {
    const auto last = envelope_from(conversation.at("last"));
    require(last && (last->from == me || last->to == me), "conversations are one's own");
    require(conversation.at("peer") != me.str(), "a peer is somebody else");
  }
  require(parse_cursor(result.at("cursor").get<std::string>(), world().epoch()).has_value(),
          "a page ends with a cursor");
}

// Returns the `result` as the client reads it; null for an error.
json check_reply(const ReplyTo& to, const Answer& answer) {
  const auto text = format_reply(to, answer);
  require(text.size() <= kMaxReplyBytes, "a reply is bounded");
  const auto reply = json::parse(text, nullptr, false);
  require(
      reply.is_object() && reply.at("req") == to.req && reply.contains("result") != reply.contains("error"),
      "a reply has its question, and a result or an error");
  if (answer) return reply.at("result");
  const auto refusal = refusal_from(reply.at("error"));
  require(refusal && *refusal == answer.error(), "an error is of the contract");
  return nullptr;
}

void check_result(Method method, const UserId& me, const RequestPayload& request, const json& result) {
  if (method == Method::history) check_history(me, request, result);
  if (method == Method::sync) check_sync(me, request, result);
  if (method == Method::conversations) check_conversations(me, result);
  if (me == user("eve")) {
    const auto text = dump(result);
    require(text.find("alice") == std::string::npos && text.find("bob") == std::string::npos,
            "a third user learns nothing");
  }
}

// The epoch of the store is random: `@7` in a payload stands for the cursor of log number 7.
std::string with_cursors(std::string_view payload) {
  std::string out;
  for (const char c : payload) {
    if (c == '@') {
      out += world().epoch() + ".";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

void run_input(std::string_view bytes) {
  static const std::array<UserId, 4> users{user("alice"), user("bob"), user("carol"), user("eve")};
  Input input(bytes);
  const std::size_t who = std::string_view("abce").find(static_cast<char>(input.byte()));
  if (who == std::string_view::npos) return;
  const UserId& me = users.at(who);
  const auto name = input.line();
  const auto method = parse_method(name);
  if (!method) return;  // the topic names it: see topic_fuzz

  const auto request = parse_request(with_cursors(input.rest()), PayloadLimits());
  const ReplyTo to{
      {me, device("alice").device}, std::string(name), request ? request->req : request.error().req, ""};
  if (!request) {
    check_reply(to, Failure<Refusal>(request.error().refusal));
    return;
  }
  const auto result = check_reply(to, answer(*method, me, *request));
  if (!result.is_null()) check_result(*method, me, *request, result);
}

}  // namespace duet::fuzz
