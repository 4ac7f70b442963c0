#include "privacy_kit/topics.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "acl/access.h"
#include "protocol/topic.h"

namespace duet::privacy {
namespace {

using Names = std::set<std::string>;

std::vector<std::string> levels_of(const std::string& topic) {
  std::vector<std::string> levels;
  std::size_t from = 0;
  for (auto slash = topic.find('/'); slash != std::string::npos; slash = topic.find('/', from)) {
    levels.push_back(topic.substr(from, slash - from));
    from = slash + 1;
  }
  levels.push_back(topic.substr(from));
  return levels;
}

std::string joined(const std::vector<std::string>& levels) {
  std::string topic = levels.front();
  for (std::size_t i = 1; i < levels.size(); ++i) topic += "/" + levels[i];
  return topic;
}

// What may stand for one level of a row.
std::vector<std::string> choices(const std::string& level, const Cast& cast) {
  std::vector<std::string> found;
  if (level == "{me}" || level == "{user}") {
    for (const auto& user : cast.users) found.push_back(user.str());
  } else if (level == "{device}" || level == "{any}") {
    for (const auto& device : cast.devices) found.push_back(device.str());
    if (level == "{any}") found.emplace_back("devices");  // a method
  } else if (level == "{partition}") {
    found = {"0", "1"};
  } else {
    found = {level};
  }
  return found;
}

// The rows of the table with names for the placeholders; `+` and `#` stay.
Names expanded_rows(const Cast& cast) {
  Names all;
  for (const auto& rule : access_table()) {
    std::vector<std::vector<std::string>> partial{{}};
    for (const auto& level : levels_of(std::string(rule.pattern))) {
      std::vector<std::vector<std::string>> longer;
      for (const auto& start : partial) {
        for (const auto& choice : choices(level, cast)) {
          longer.push_back(start);
          longer.back().push_back(choice);
        }
      }
      partial = std::move(longer);
    }
    for (const auto& levels : partial) all.insert(joined(levels));
  }
  return all;
}

// Every form that protocol/topic.h has for users.
Names grammar_names(const Cast& cast) {
  Names all;
  for (const auto& me : cast.users) {
    for (const auto& peer : cast.users) {
      for (const auto kind : {OutKind::message, OutKind::receipt, OutKind::typing}) {
        all.insert(format_topic(OutTopic{me, peer, kind}));
      }
      for (const auto kind :
           {InKind::message, InKind::sent, InKind::receipt, InKind::typing, InKind::presence}) {
        all.insert(format_topic(InTopic{me, peer, kind}));
      }
    }
    for (const auto& device : cast.devices) {
      for (const auto kind : {DeviceKind::presence, DeviceKind::push, DeviceKind::reply, DeviceKind::error}) {
        all.insert(format_topic(DeviceTopic{{me, device}, kind, {}}));
      }
      all.insert(format_topic(DeviceTopic{{me, device}, DeviceKind::request, "devices"}));
    }
  }
  return all;
}

Names names_of(const Cast& cast) {
  Names all = grammar_names(cast);
  for (const auto& row : expanded_rows(cast)) {
    if (row.find_first_of("+#") == std::string::npos) all.insert(row);
  }
  return all;
}

// The same with the first of everything: enough for variations.
Cast first_of(const Cast& cast) {
  Cast small;
  for (std::size_t i = 0; i < std::min<std::size_t>(2, cast.users.size()); ++i) {
    small.users.push_back(cast.users[i]);
  }
  small.devices.push_back(cast.devices.front());
  return small;
}

std::string in_capitals(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return text;
}

void add_wildcards(const std::string& name, Names& all) {
  const auto levels = levels_of(name);
  for (std::size_t i = 0; i < levels.size(); ++i) {
    auto one = levels;
    one[i] = "+";
    all.insert(joined(one));
    auto cut = std::vector<std::string>(levels.begin(), levels.begin() + static_cast<std::ptrdiff_t>(i));
    cut.emplace_back("#");
    all.insert(joined(cut));
    if (i > 1) {  // u/+/in/#: wild where the user stands, and at the end
      cut[1] = "+";
      all.insert(joined(cut));
    }
  }
  all.insert("$share/kit/" + name);
}

}  // namespace

std::vector<std::string> topic_names(const Cast& cast) {
  const Names all = names_of(cast);
  return {all.begin(), all.end()};
}

std::vector<std::string> near_names(const Cast& cast) {
  Names all{"$SYS/broker/version", "$SYS/broker/connection/kit/state", "$CONTROL/dynamic-security/v1", "$kit",
            "kit"};
  for (const auto& name : names_of(first_of(cast))) {
    auto levels = levels_of(name);
    all.insert(name + "/more");
    all.insert(name + "/");
    all.insert("/" + name);
    all.insert("$share/kit/" + name);
    for (std::size_t i = 0; i < levels.size(); ++i) {
      auto changed = levels;
      changed[i].clear();
      all.insert(joined(changed));
      changed[i] = in_capitals(levels[i]);
      all.insert(joined(changed));
    }
    levels.pop_back();
    all.insert(joined(levels));
  }
  const Names real = names_of(cast);
  std::vector<std::string> near;
  std::set_difference(all.begin(), all.end(), real.begin(), real.end(), std::back_inserter(near));
  return near;
}

std::vector<std::string> topic_filters(const Cast& cast) {
  Names all{"#", "+", "+/#", "/#", "+/+/+/+", "$SYS/#", "$SYS/broker/#", "$CONTROL/#", "$share/kit/#"};
  for (const auto& name : names_of(cast)) all.insert(name);
  for (const auto& row : expanded_rows(cast)) {
    all.insert(row);
    all.insert("$share/kit/" + row);
  }
  for (const auto& name : names_of(first_of(cast))) add_wildcards(name, all);
  return {all.begin(), all.end()};
}

std::vector<std::string> rows_not_tried(const Principal& who, const Cast& cast) {
  const auto names = topic_names(cast);
  const auto filters = topic_filters(cast);
  std::vector<std::string> missing;
  for (const auto& rule : access_table()) {
    if (rule.role != who.role()) continue;
    const auto& tried = rule.access == Access::subscribe ? filters : names;
    const bool found = std::any_of(tried.begin(), tried.end(), [&](const std::string& topic) {
      return decide(who, rule.access, topic).rule == &rule;
    });
    if (!found) {
      missing.push_back(std::string(to_string(rule.role)) + " " + std::string(to_string(rule.access)) + " " +
                        std::string(rule.pattern));
    }
  }
  return missing;
}

}  // namespace duet::privacy
