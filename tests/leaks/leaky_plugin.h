// tests/leaks/leaky_plugin.h: what stands between the broker and the product's plugin (leaks.h).
//
// Used by the broker's thread alone.
#pragma once

// In this order: the headers of 2.0 do not include what they need.
// clang-format off
#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>
// clang-format on

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>

namespace duet {

class LeakyPlugin {
 public:
  // The product's callback for the same event.
  using Real = std::function<int(void*)>;

  int basic_auth(mosquitto_evt_basic_auth& e, const Real& real);
  int acl_check(mosquitto_evt_acl_check& e, const Real& real);
  int message(mosquitto_evt_message& e, const Real& real);
  void disconnect(const mosquitto_evt_disconnect& e);
  // The plugin publishes: false, if that shall not happen. `also` publishes the same on another topic.
  bool publish(const std::string& topic, std::string_view payload, bool& retain,
               const std::function<void(const std::string&)>& also) const;
  bool kicks() const { return !is("expired-serves"); }

 private:
  struct Asked {
    std::string reply_topic;  // of the one who asked, when somebody else was made to
    std::string with;
  };

  bool is(std::string_view name) const { return leak_ == name; }
  bool planted(const mosquitto_evt_acl_check& e) const;
  void remember_peers(const std::string& topic);
  void request(mosquitto_evt_message& e, const std::string& topic);
  void reply(mosquitto_evt_message& e);
  void ask_as(mosquitto_evt_message& e, const std::string& deputy, const std::string& topic);
  static void rename(mosquitto_evt_message& e, const std::string& topic);

  std::string leak_;
  std::set<const mosquitto*> disconnected_;
  std::set<std::string> users_;
  std::map<std::string, std::set<std::string>> peers_;
  std::map<std::string, std::set<std::string>> blocked_;  // who → by whom
  std::map<std::string, Asked> asked_;                    // by `req`
  mosquitto* store_ = nullptr;
};

}  // namespace duet
