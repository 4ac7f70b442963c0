#include "acl/access_document.h"

#include <array>
#include <string_view>

#include "acl/access.h"

namespace duet {
namespace {

constexpr std::string_view kIntroduction =
    R"(<!-- Made by duet-access-table from acl/access.cpp; do not edit. -->
# Who may do what

Every connection has one role, from the `scope` of its access token: `chat` is a device of a user, the others are
services of the platform. What no row below allows is denied.

- **publish**: the client's PUBLISH. **will**: the broker publishes the client's will. **subscribe**: SUBSCRIBE with
  exactly this filter, or UNSUBSCRIBE. **receive**: the broker hands a message on this topic to the client.
- `{me}` and `{device}` are the user and the device of the connection, `{user}` is any user name, `{any}` any device name
  or method, `{partition}` a number. `+` is the wildcard itself.
- `#` is anything below: for subscribe any valid filter that stays below, for receive any topic of the grammar.
- Shared subscriptions (`$share/…`) are always denied, as is everything else that begins with `$`.

A row is a necessary condition: rates, sizes, payloads and block lists are checked after it.
)";

constexpr std::array<Role, 4> kRoles{Role::chat, Role::store, Role::push, Role::auth};

void append_rows(Role role, std::string& page) {
  page.append("\n## ").append(to_string(role)).append("\n| may | topic | for |\n|---|---|---|\n");
  for (const auto& rule : access_table()) {
    if (rule.role != role) continue;
    page.append("| ").append(to_string(rule.access)).append(" | `").append(rule.pattern);
    page.append("` | ").append(rule.note).append(" |\n");
  }
}

}  // namespace

std::string format_access_document() {
  std::string page(kIntroduction);
  for (const Role role : kRoles) append_rows(role, page);
  return page;
}

}  // namespace duet
