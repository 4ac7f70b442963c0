// A real browser reads what duet-push posts for it, with its own keys and its own code, and its service
// worker learns that there is something to fetch: nothing else.

#include <gmock/gmock.h>

#include "tests/support/browser.h"
#include "tests/support/push_platform_test.h"

namespace duet {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class PushBrowser : public PushPlatformTest<PushBrowser> {};

// The same message with one bit of it changed.
std::string tampered(std::string body) {
  const auto at = body.size() - 10;
  body[at] = body[at] == 'A' ? 'B' : 'A';
  return body;
}

TEST_F(PushBrowser, ChromiumDecryptsAPushAndItsServiceWorkerLearnsNothingButThatThereIsOne) {
  const std::string user = fresh_user("alice");
  const std::string peer = fresh_user("bob");
  Browser chromium(*providers_);  // starts while we go on
  const auto alice = online(user);
  auto tab = online(peer, "browser");
  json subscription = chromium.subscription();
  const std::string endpoint = subscription.at("endpoint");
  // Its host is one of known_webpush_hosts(); nobody is there who takes it on loopback but the double.
  EXPECT_THAT(endpoint, StartsWith("https://jmt17.google.com/fcm/send/"));
  const std::string token = endpoint.substr(endpoint.rfind('/') + 1);
  subscription["endpoint"] = providers_->adopt(token);
  register_push(*tab, {{"platform", "webpush"}, {"token", subscription}});
  tab->go_offline();

  const Envelope sent = alice->send(peer, "a-word-that-nobody-says");
  const AcceptedPush push = wait_push(token);
  chromium.deliver(tampered(push.body));  // no push to anybody: it cannot be read
  chromium.deliver(push.body);
  const json seen = chromium.wait_pushes(1);

  ASSERT_EQ(seen.at("understood").size(), 1U) << seen;
  const json& said = seen.at("understood").front();
  EXPECT_EQ(said, (json{{"kind", "message"},
                        {"id", said.at("id")},
                        {"c", push.headers.at("topic")},
                        {"s", sent.seq},
                        {"badge", 1}}));
  EXPECT_EQ(seen.at("notifications"),
            (json{{{"title", "Duet"}, {"body", "1 unread message"}, {"tag", said.at("c")}}}));
  for (const auto& secret : {std::string("a-word-that-nobody-says"), user, peer, sent.id.str()}) {
    EXPECT_THAT(seen.dump() + push.headers.dump(), Not(HasSubstr(secret)));
  }
}

}  // namespace
}  // namespace duet
