#include "tests/leaks/leaky_plugin.h"

#include <cstdlib>
#include <cstring>
#include <fstream>

#include "acl/base64url.h"
#include "protocol/names.h"

namespace duet {
namespace {

using nlohmann::json;

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string text_of(const char* text) {
  return text == nullptr ? "" : text;
}

json payload_of(const mosquitto_evt_message& e) {
  const std::string_view bytes(static_cast<const char*>(e.payload), e.payloadlen);
  return json::parse(bytes, nullptr, false);
}

// Whom a token names; nothing is verified.
std::string subject_of(const std::string& token) {
  const auto first = token.find('.');
  const auto second = token.find('.', first + 1);
  if (second == std::string::npos) return "";
  const auto claims = decode_base64url(std::string_view(token).substr(first + 1, second - first - 1));
  const auto parsed = json::parse(claims.value_or(""), nullptr, false);
  return parsed.is_object() ? parsed.value("sub", "") : "";
}

// `u/<user>/…`
std::string user_of(const std::string& topic) {
  if (!topic.starts_with("u/")) return "";
  return topic.substr(2, topic.find('/', 2) - 2);
}

}  // namespace

int LeakyPlugin::basic_auth(mosquitto_evt_basic_auth& e, const Real& real) {
  const char* file = std::getenv("DUET_LEAK_FILE");
  std::ifstream(file == nullptr ? "" : file) >> leak_;
  disconnected_.erase(e.client);
  const auto client_id = text_of(mosquitto_client_id(e.client));
  const int result = real(&e);
  const auto device = parse_client_id(client_id);
  if (result == MOSQ_ERR_SUCCESS) {
    if (client_id == "duet-store") store_ = e.client;
    if (device) users_.insert(device->user.str());
    return result;
  }
  const auto subject = subject_of(text_of(e.password));
  if (!is("takeover") || !device || subject.empty() || subject == device->user.str()) return result;
  return mosquitto_set_username(e.client, device->user.str().c_str());
}

int LeakyPlugin::acl_check(mosquitto_evt_acl_check& e, const Real& real) {
  const int result = real(&e);
  if (result == MOSQ_ERR_SUCCESS || !planted(e)) return result;
  return MOSQ_ERR_SUCCESS;
}

// Whether the leak allows what was refused.
bool LeakyPlugin::planted(const mosquitto_evt_acl_check& e) const {
  const auto topic = text_of(e.topic);
  const bool subscribe = e.access == MOSQ_ACL_SUBSCRIBE;
  const bool read = e.access == MOSQ_ACL_READ;
  const bool write = e.access == MOSQ_ACL_WRITE;
  if (is("inbox-open")) return (read || subscribe) && topic.starts_with("u/") && has(topic, "/in/");
  if (is("other-device")) {
    const auto own = "u/" + text_of(mosquitto_client_username(e.client)) + "/d/";
    return (read || subscribe) && topic.starts_with(own);
  }
  if (is("sys-open")) return subscribe && topic == "$SYS/#";
  if (is("foreign-publish")) return write && topic.starts_with("u/") && has(topic, "/in/");
  if (is("deliver-open")) return write && topic.starts_with("deliver/");
  if (is("foreign-will")) return write && topic.starts_with("u/") && disconnected_.contains(e.client);
  if (is("expired-serves")) {
    return read && topic.starts_with("u/" + text_of(mosquitto_client_username(e.client)) + "/in/");
  }
  return false;
}

int LeakyPlugin::message(mosquitto_evt_message& e, const Real& real) {
  const auto topic = text_of(e.topic);
  if (is("revocation-unheard") && topic == "svc/auth/revocations") return MOSQ_ERR_SUCCESS;
  if (is("deliver-open") && topic.starts_with("deliver/")) {
    e.client = store_;  // as if the store had sent it
    return real(&e);
  }
  const int result = real(&e);
  if (is("foreign-publish") && has(topic, "/in/")) return MOSQ_ERR_SUCCESS;
  if (result != MOSQ_ERR_SUCCESS) return result;
  if (topic.ends_with("/msg")) remember_peers(topic);
  if (has(topic, "/req/")) request(e, topic);
  if (topic.ends_with("/reply")) reply(e);
  return result;
}

// `u/<me>/out/<peer>/msg`
void LeakyPlugin::remember_peers(const std::string& topic) {
  const auto me = user_of(topic);
  const auto from = topic.find("/out/") + 5;
  const auto peer = topic.substr(from, topic.find('/', from) - from);
  peers_[me].insert(peer);
  peers_[peer].insert(me);
}

// Another user's question in this one's place, who has the right to ask it.
void LeakyPlugin::ask_as(mosquitto_evt_message& e, const std::string& deputy, const std::string& topic) {
  const auto req = payload_of(e).value("req", "");
  asked_[req].reply_topic = topic.substr(0, topic.find("/req/")) + "/reply";
  rename(e, "u/" + deputy + "/d/deputy" + topic.substr(topic.find("/req/")));
}

void LeakyPlugin::request(mosquitto_evt_message& e, const std::string& topic) {
  const auto payload = payload_of(e);
  if (!payload.is_object()) return;
  const auto me = user_of(topic);
  const auto with = payload.value("with", "");
  asked_[payload.value("req", "")] = {"", with};
  if (topic.ends_with("/req/block")) {
    blocked_[with].insert(me);
    if (is("block-void")) rename(e, topic + "s");  // a question that is answered, and changes nothing
  }
  const auto others = peers_.find(with);
  const bool exists = others != peers_.end() && !others->second.empty();
  const std::string some = exists ? *others->second.rbegin() : "";  // some peer of the one asked about
  if (is("blocked-presence") && topic.ends_with("/req/presence") && blocked_[me].contains(with) && exists) {
    ask_as(e, some == me ? *others->second.begin() : some, topic);
  }
  if (is("history-of-others") && topic.ends_with("/req/history") && exists && !others->second.contains(me)) {
    ask_as(e, some, topic);
  }
  const bool listing = topic.ends_with("/req/conversations") || topic.ends_with("/req/sync");
  if (is("conversations-of-others") && listing && !peers_.empty()) {
    const auto& first = peers_.begin()->first;
    ask_as(e, first == me ? peers_.rbegin()->first : first, topic);
  }
}

void LeakyPlugin::reply(mosquitto_evt_message& e) {
  auto payload = payload_of(e);
  if (!payload.is_object()) return;
  const auto asked = asked_.find(payload.value("req", ""));
  if (asked == asked_.end()) return;
  if (!asked->second.reply_topic.empty()) rename(e, asked->second.reply_topic);
  if (is("error-tells") && payload.contains("error") && users_.contains(asked->second.with)) {
    payload["error"]["message"] = "this user does not want you to see that";
    const auto text = payload.dump();
    e.payload = mosquitto_malloc(text.size());
    std::memcpy(e.payload, text.data(), text.size());
    e.payloadlen = static_cast<std::uint32_t>(text.size());
  }
}

void LeakyPlugin::rename(mosquitto_evt_message& e, const std::string& topic) {
  mosquitto_free(e.topic);  // Mosquitto 2.0.11 does not
  e.topic = mosquitto_strdup(topic.c_str());
}

void LeakyPlugin::disconnect(const mosquitto_evt_disconnect& e) {
  disconnected_.insert(e.client);
}

bool LeakyPlugin::publish(const std::string& topic, std::string_view payload, bool& retain,
                          const std::function<void(const std::string&)>& also) const {
  if (is("mute") && has(topic, "/in/")) return false;
  if (is("retained") && topic.ends_with("/msg")) retain = true;
  const bool astray = (is("typing-astray") && topic.ends_with("/typing") && has(payload, "true")) ||
                      (is("message-astray") && topic.ends_with("/msg"));
  if (astray) {
    const auto rest = topic.substr(topic.find("/in/"));
    for (const auto& user : users_) {
      if (user != user_of(topic)) also("u/" + user + rest);
    }
  }
  return true;
}

}  // namespace duet
