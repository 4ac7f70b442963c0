// Every role × access × topic shape, against an oracle that knows the contract and not the table.
#include "acl/access.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "protocol/topic.h"

namespace duet {
namespace {

constexpr std::array<Access, 4> kAccesses{Access::publish, Access::will, Access::subscribe, Access::receive};

struct Subject {
  Principal principal;
  std::string user;  // empty: a service
  std::string device;
};

std::vector<Subject> all_subjects() {
  std::vector<Subject> subjects;
  // Names that look like parts of topics must not confuse anybody.
  const std::vector<std::pair<std::string, std::string>> devices{
      {"alice", "phone"}, {"alice", "web"}, {"bob", "phone"}, {"in", "out"}, {"store", "token"}};
  subjects.reserve(devices.size() + 3);
  for (const auto& [user, device] : devices) {
    subjects.push_back({Principal::of_device(*parse_client_id(user + ":" + device), {}), user, device});
  }
  for (const auto role : {Role::store, Role::push, Role::auth}) {
    subjects.push_back({Principal::of_service(role, "", {}), "", ""});
    subjects.push_back({Principal::of_service(role, "2", {}), "", ""});
  }
  return subjects;
}

// The contract in the form of regular expressions, written from docs/protocol.md alone.
struct Oracle {
  static constexpr const char* kUser = "[A-Za-z0-9._~@|=-]{1,64}";
  static constexpr const char* kDevice = "[A-Za-z0-9._-]{1,32}";

  static bool is_name_of_grammar(const std::string& topic) {
    const std::string user = kUser;
    const std::string device = kDevice;
    static const std::regex grammar(
        "u/" + user + "/(out/" + user + "/(msg|receipt|typing)|in/" + user +
        "/(msg|sent|receipt|typing|presence)|d/" + device + "/(presence|push|reply|error|req/" + device +
        "))|ingest/(0|[1-9][0-9]{0,8})(/ctl)?|deliver/(0|[1-9][0-9]{0,8})" +
        "|svc/(store|push|auth|broker)/"
        "(token|blocks|presence|revocations|typing|feed|check|names|devices|users)");
    return std::regex_match(topic, grammar);
  }

  static bool is_filter(const std::string& topic) {
    static const std::regex grammar(R"(([^+#/\x00]*|\+)(/([^+#/\x00]*|\+))*(/#)?|#)");
    return !topic.empty() && topic.size() <= 65535 && std::regex_match(topic, grammar);
  }

  static std::string quoted(const std::string& name) {
    return std::regex_replace(name, std::regex(R"([.|])"), R"(\$&)");
  }

  static std::string allowed_of_device(const Subject& who, Access access) {
    const std::string me = "u/" + quoted(who.user) + "/";
    const std::string own = me + "d/" + quoted(who.device) + "/";
    switch (access) {
      case Access::publish:
        return me + "out/" + kUser + "/(msg|receipt|typing)|" + own + "(presence|push|req/" + kDevice + ")";
      case Access::will:
        return own + "presence";
      case Access::subscribe:
      case Access::receive:
        return me + R"(in/[^\x00]*|)" + own + R"([^\x00]*)";
    }
    return {};
  }

  static std::string allowed_of_service(Role role, Access access) {
    const std::string any = std::string("u/") + kUser + "/d/" + kDevice + "/";
    const bool store = role == Role::store;
    std::string token = "svc/" + std::string(to_string(role)) + "/token";
    if (access == Access::publish && role == Role::auth) return token + "|svc/auth/(revocations|names)";
    if (access == Access::publish && !store) return token + "|svc/push/(feed|check|devices|users)";
    if (access == Access::publish) {
      return token + "|svc/store/(blocks|feed|check|names|devices)|ingest/[0-9]+/ctl|deliver/[0-9]+|" + any +
             "reply";
    }
    if (access == Access::will) return {};
    if (role == Role::auth) return "svc/store/names";
    if (access == Access::subscribe) {
      const std::string both = R"(u/\+/d/\+/(presence|push))";
      return store
                 ? both +
                       R"(|u/\+/d/\+/req/\+|ingest/(0|[1-9][0-9]{0,8})|svc/broker/(presence|typing)|svc/push/(feed|check|devices|users)|svc/auth/names)"
                 : both + "|svc/broker/presence|svc/store/(feed|check|devices)";
    }
    return store ? any +
                       "(presence|push|req/[^/]+)|ingest/[0-9]+|svc/broker/(presence|typing)|svc/push/"
                       "(feed|check|devices|users)|svc/auth/names"
                 : any + "(presence|push)|svc/broker/presence|svc/store/(feed|check|devices)";
  }

  // nullopt: allowed.
  static std::optional<DenyReason> judge(const Subject& who, Access access, const std::string& topic) {
    const bool filter = access == Access::subscribe;
    if (filter && (topic == "$share" || topic.rfind("$share/", 0) == 0)) return DenyReason::shared;
    if (!(filter ? is_filter(topic) : is_name_of_grammar(topic))) return DenyReason::invalid_topic;
    const auto role = who.principal.role();
    const auto key = std::make_pair(who.principal.client_id(), access);
    static std::map<std::pair<std::string, Access>, std::regex> compiled;
    auto it = compiled.find(key);
    if (it == compiled.end()) {
      const auto allowed =
          role == Role::chat ? allowed_of_device(who, access) : allowed_of_service(role, access);
      it = compiled.emplace(key, std::regex(allowed.empty() ? "^$" : allowed)).first;
    }
    if (std::regex_match(topic, it->second)) return std::nullopt;
    return DenyReason::no_rule;
  }
};

std::vector<std::string> split(const std::string& topic) {
  std::vector<std::string> levels(1);
  for (const char c : topic) {
    if (c == '/') {
      levels.emplace_back();
    } else {
      levels.back() += c;
    }
  }
  return levels;
}

std::string join(const std::vector<std::string>& levels) {
  std::string topic;
  for (std::size_t i = 0; i < levels.size(); ++i) topic += (i == 0 ? "" : "/") + levels[i];
  return topic;
}

std::vector<std::string> base_topics() {
  std::vector<std::string> topics{"ingest/0",
                                  "ingest/0/ctl",
                                  "ingest/12",
                                  "deliver/0",
                                  "svc/chat/token",
                                  "$SYS/broker/uptime",
                                  "$CONTROL/dynamic-security/v1",
                                  "a",
                                  "/"};
  for (const char* role : {"store", "push", "auth", "broker"}) {
    for (const char* kind : {"token", "blocks", "presence", "revocations", "typing", "feed", "check", "names",
                             "devices", "users"}) {
      topics.push_back(std::string("svc/") + role + '/' + kind);
    }
  }
  for (const std::string user : {"alice", "bob", "in"}) {
    for (const char* kind : {"msg", "receipt", "typing"}) topics.push_back("u/" + user + "/out/eve/" + kind);
    for (const char* kind : {"msg", "sent", "receipt", "typing", "presence"}) {
      topics.push_back("u/" + user + "/in/eve/" + kind);
    }
    for (const std::string device : {"phone", "web", "out"}) {
      for (const char* kind : {"presence", "push", "reply", "error", "req/history", "req/no-such"}) {
        topics.push_back("u/" + user + "/d/" + device + '/' + kind);
      }
    }
  }
  for (const char* filter :
       {"u/+/d/+/presence", "u/+/d/+/push", "u/+/d/+/req/+", "u/+/d/+/reply", "u/+/in/#"}) {
    topics.emplace_back(filter);
  }
  return topics;
}

// What an attacker, or a bug, does to a topic.
void add_variants(const std::string& topic, std::set<std::string>& out) {
  const std::vector<std::string> strange{"+",
                                         "#",
                                         "",
                                         "$SYS",
                                         "$share",
                                         "alice",
                                         "bob",
                                         "phone",
                                         "web",
                                         "in",
                                         "out",
                                         "d",
                                         "u",
                                         "0",
                                         "007",
                                         "msg",
                                         "a b",
                                         "+x",
                                         "x#",
                                         std::string(65, 'x'),
                                         std::string("a\0b", 3)};
  const auto levels = split(topic);
  out.insert(topic);
  for (std::size_t i = 0; i < levels.size(); ++i) {
    for (const auto& level : strange) {
      auto changed = levels;
      changed[i] = level;
      out.insert(join(changed));
      changed.resize(i + 1);
      out.insert(join(changed));  // and cut there
    }
    auto shorter = levels;
    shorter.erase(shorter.begin() + static_cast<std::ptrdiff_t>(i));
    out.insert(join(shorter));
  }
  for (const auto& level : strange) {
    out.insert(topic + '/' + level);
    out.insert(level + '/' + topic);
  }
  out.insert("$share/group/" + topic);
  out.insert("$share/" + topic);
  out.insert("$queue/" + topic);
  out.insert(topic + std::string(1, '\0'));
  out.insert(topic + "/a/b/c/d/e/f/g");
}

std::set<std::string> all_topics() {
  std::set<std::string> topics{"",
                               "#",
                               "+",
                               "+/#",
                               "$share",
                               "$share/",
                               "$SYS/#",
                               std::string(65535, 'a'),
                               std::string(65536, 'a'),
                               "u/alice/in/" + std::string(65525, 'a'),
                               std::string(1000, '/')};
  for (const auto& topic : base_topics()) add_variants(topic, topics);
  return topics;
}

std::string shown(const Subject& who, Access access, const std::string& topic) {
  return who.principal.client_id() + ' ' + std::string(to_string(access)) + ' ' + topic.substr(0, 200);
}

TEST(Decide, AgreesWithTheContractOnEveryShape) {
  std::set<const AccessRule*> used;
  std::size_t compared = 0;
  const auto topics = all_topics();
  for (const auto& who : all_subjects()) {
    for (const auto access : kAccesses) {
      for (const auto& topic : topics) {
        if (topic.size() > 1000) continue;  // std::regex recurses; they have their own test below
        const auto expected = Oracle::judge(who, access, topic);
        const auto decision = decide(who.principal, access, topic);
        ++compared;
        ASSERT_EQ(decision.allowed(), !expected) << shown(who, access, topic);
        if (expected) {
          ASSERT_EQ(decision.reason, *expected) << shown(who, access, topic);
        } else {
          ASSERT_EQ(decision.rule->role, who.principal.role());
          ASSERT_EQ(decision.rule->access, access);
          used.insert(decision.rule);
        }
      }
    }
  }
  EXPECT_GT(compared, 10000U);
  EXPECT_EQ(used.size(), access_table().size()) << "a row that no topic of this test reaches";
}

TEST(Decide, BoundsALongFilter) {
  const auto alice = Principal::of_device(*parse_client_id("alice:phone"), {});
  const std::string prefix = "u/alice/in/";
  EXPECT_TRUE(decide(alice, Access::subscribe, prefix + std::string(65535 - prefix.size(), 'a')).allowed());
  const auto decision = decide(alice, Access::subscribe, prefix + std::string(65536 - prefix.size(), 'a'));
  EXPECT_FALSE(decision.allowed());
  EXPECT_EQ(decision.reason, DenyReason::invalid_topic);
  EXPECT_FALSE(decide(alice, Access::publish, "u/alice/out/" + std::string(65536, 'a') + "/msg").allowed());
}

// The few that matter most, in words.
TEST(Decide, KeepsAStrangerOut) {
  const auto eve = Principal::of_device(*parse_client_id("eve:phone"), {});
  for (const char* filter : {"#",
                             "u/#",
                             "u/+/in/#",
                             "u/bob/in/#",
                             "u/bob/in/eve/msg",
                             "u/bob/#",
                             "+/+/in/#",
                             "u/+/in/+/msg",
                             "$share/g/u/eve/in/#",
                             "$SYS/#",
                             "u/eve/#",
                             "u/eve/+/#",
                             "u/eve/in",
                             "u/eve/d/+/#",
                             "u/eve/d/web/#",
                             "ingest/0",
                             "deliver/0",
                             "svc/#",
                             "out/#",
                             "u/eve/out/#"}) {
    EXPECT_FALSE(decide(eve, Access::subscribe, filter).allowed()) << filter;
  }
  for (const char* topic :
       {"u/bob/in/eve/msg", "u/bob/out/alice/msg", "u/bob/d/phone/presence", "u/eve/in/bob/msg",
        "u/eve/d/phone/reply", "u/eve/d/phone/error", "u/eve/d/web/presence", "ingest/0", "ingest/0/ctl",
        "deliver/0", "svc/store/blocks", "svc/store/token", "$CONTROL/x"}) {
    EXPECT_FALSE(decide(eve, Access::publish, topic).allowed()) << topic;
    EXPECT_FALSE(decide(eve, Access::will, topic).allowed()) << topic;
  }
  for (const char* filter : {"u/eve/in/#", "u/eve/in/+/msg", "u/eve/in/bob/#", "u/eve/in/+",
                             "u/eve/d/phone/#", "u/eve/d/phone/reply", "u/eve/d/phone/+"}) {
    EXPECT_TRUE(decide(eve, Access::subscribe, filter).allowed()) << filter;
  }
}

TEST(Decide, TellsWhy) {
  const auto alice = Principal::of_device(*parse_client_id("alice:phone"), {});
  EXPECT_EQ(decide(alice, Access::subscribe, "$share/g/u/alice/in/#").reason, DenyReason::shared);
  EXPECT_EQ(decide(alice, Access::subscribe, "u/alice/in/#/x").reason, DenyReason::invalid_topic);
  EXPECT_EQ(decide(alice, Access::subscribe, "u/bob/in/#").reason, DenyReason::no_rule);
  EXPECT_EQ(decide(alice, Access::publish, "nonsense").reason, DenyReason::invalid_topic);
  EXPECT_EQ(decide(alice, Access::publish, "u/bob/out/alice/msg").reason, DenyReason::no_rule);
  for (const auto reason : {DenyReason::no_rule, DenyReason::invalid_topic, DenyReason::shared}) {
    EXPECT_NE(to_string(reason), "unknown");
  }
}

}  // namespace
}  // namespace duet
