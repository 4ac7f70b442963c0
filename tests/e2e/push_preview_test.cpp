// A device that wants it is shown who wrote and how the message begins, and nobody on the way to it is.

#include <gmock/gmock.h>

#include "protocol/push_payload.h"
#include "tests/support/push_platform_test.h"

namespace duet {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kPreviewText = "a-word-that-the-device-alone-reads";

class PushPreview : public PushPlatformTest<PushPreview> {
 public:
  static std::string_view config() {
    constexpr std::string_view kSection = "[limits]\n";
    static const std::string text =
        std::string(kUnlimited)
            .insert(kUnlimited.find(kSection) + kSection.size(), "require_consent = true\n");
    return text;
  }

 protected:
  // Bob's device, offline from now on.
  void register_away(const std::string& device, const json& registration) const {
    auto made = online(bob_, device);
    register_push(*made, registration);
    made->go_offline();
  }
  // What the push says, without a key.
  static std::string in_the_clear(const AcceptedPush& push) {
    return push.payload.dump() + push.headers.dump() + push.conversation;
  }
  static std::string token_of(const json& subscription) {
    const std::string endpoint = subscription.at("endpoint");
    return endpoint.substr(endpoint.rfind('/') + 1);
  }
  // Bob has answered: they may talk.
  std::unique_ptr<TestDevice> friend_of_bob(const std::string& name) const {
    auto made = online(name);
    const auto bob = online(bob_, "desk");
    const Envelope asked = made->send(bob_, "may I?");
    bob->result("accept", {{"with", name}});
    bob->receipt(name, "read", asked.seq);
    made->wait_receipt(bob_, bob_, asked.seq, asked.seq);
    return made;
  }

  const std::string alice_ = fresh_user("alice-the-sender");
  const std::string bob_ = fresh_user("bob");
  const std::string fcm_ = "token-of-" + bob_;
  const std::string apns_ = "00c0ffee" + std::string(56, 'c');
  const json keys_ = providers_->subscribe();  // an app's on the device
};

TEST_F(PushPreview, IsReadByTheDeviceThatWantsItAndByNobodyElse) {
  const auto alice = friend_of_bob(alice_);
  const json browser = providers_->subscribe();
  register_away("phone", {{"platform", "fcm"}, {"token", fcm_}, {"preview", keys_.at("keys")}});
  register_away("tablet", {{"platform", "apns"}, {"token", apns_}, {"preview", keys_.at("keys")}});
  register_away("browser", {{"platform", "webpush"}, {"token", browser}, {"preview", true}});
  register_away("old", {{"platform", "fcm"}, {"token", fcm_ + "-old"}});

  const std::string text = std::string(kPreviewText) + "\n\"" + std::string(kMaxPreviewBytes, 'x');
  const Envelope sent = alice->send(bob_, text);
  const json expected{{"from", alice_}, {"text", text.substr(0, kMaxPreviewBytes)}};
  const auto phone = wait_push(fcm_);
  const auto tablet = wait_push(apns_);
  for (const std::string sealed : {phone.payload.at("data").at("preview"), tablet.payload.at("preview")}) {
    EXPECT_EQ(providers_->decrypt(keys_, sealed), expected);
    EXPECT_THROW(providers_->decrypt(browser, sealed), std::runtime_error) << "another device reads it";
  }
  EXPECT_EQ(phone.payload.at("data").at("seq"), std::to_string(sent.seq));
  EXPECT_EQ(tablet.payload.at("aps").at("mutable-content"), 1);
  EXPECT_EQ(wait_push(token_of(browser)).payload.at("preview"), expected);  // the double has decrypted it
  const auto old = wait_push(fcm_ + "-old");
  EXPECT_FALSE(old.payload.at("data").contains("preview")) << "it wants none";

  for (const auto& push : {phone, tablet, old}) {
    EXPECT_THAT(in_the_clear(push), Not(HasSubstr(alice_))) << push.provider;
    EXPECT_THAT(in_the_clear(push), Not(HasSubstr(std::string(kPreviewText)))) << push.provider;
  }
  for (const auto& request : providers_->requests()) {
    EXPECT_THAT(request.headers.dump() + request.body, Not(HasSubstr(std::string(kPreviewText))));
  }
  EXPECT_THAT(bridge_->log(), Not(HasSubstr(std::string(kPreviewText))));
  EXPECT_THAT(text_of(bridge_->database()) + text_of(bridge_->database().string() + "-wal"),
              Not(HasSubstr(std::string(kPreviewText))));
}

TEST_F(PushPreview, IsOfNoStrangerAndOfNothingSilent) {
  const std::string eve = fresh_user("eve");
  const auto alice = friend_of_bob(alice_);
  const auto stranger = online(eve);
  register_away("phone", {{"platform", "fcm"}, {"token", fcm_}, {"preview", keys_.at("keys")}});
  stranger->send(bob_, "look at this");
  EXPECT_FALSE(wait_push(fcm_, 1).payload.at("data").contains("preview"));
  const Envelope sent = alice->send(bob_, "hello");
  const auto push = wait_push(fcm_, 2);
  EXPECT_EQ(providers_->decrypt(keys_, push.payload.at("data").at("preview")),
            (json{{"from", alice_}, {"text", "hello"}}));

  const auto desk = online(bob_, "desk");
  desk->result("accept", {{"with", eve}});
  desk->receipt(alice_, "read", sent.seq);
  const auto silent = wait_push(fcm_, 3);
  EXPECT_EQ(silent.payload.at("data").at("kind"), "badge");
  EXPECT_FALSE(silent.payload.at("data").contains("preview"));
  EXPECT_THAT(bridge_->command({"test", "--user", bob_}).out, HasSubstr("accepted"));
  EXPECT_FALSE(wait_push(fcm_, 4).payload.at("data").contains("preview"));
  stranger->send(bob_, "now that you know me");  // with a preview, after a pause: eve was answered
  EXPECT_EQ(providers_->decrypt(keys_, wait_push(fcm_, 5).payload.at("data").at("preview")),
            (json{{"from", eve}, {"text", "now that you know me"}}));
}

// Ciphertext cut in the middle, or the description of a picture, is nothing to show.
TEST_F(PushPreview, IsOfTextAlone) {
  const auto alice = friend_of_bob(alice_);
  register_away("phone", {{"platform", "fcm"}, {"token", fcm_}, {"preview", keys_.at("keys")}});
  const json sealed{{"id", "sealed"}, {"body", "b3BhcXVl"}, {"type", "application/x-sealed"}};
  alice->mqtt().publish(
      {.topic = "u/" + alice_ + "/out/" + bob_ + "/msg", .payload = sealed.dump(), .correlation = {}});
  EXPECT_FALSE(wait_push(fcm_, 1).payload.at("data").contains("preview"));
  alice->send(bob_, "hello");  // after a pause
  EXPECT_EQ(providers_->decrypt(keys_, wait_push(fcm_, 2).payload.at("data").at("preview")),
            (json{{"from", alice_}, {"text", "hello"}}));
}

TEST_F(PushPreview, EndsWithARegistrationThatDoesNotWantIt) {
  const auto alice = friend_of_bob(alice_);
  register_away("phone", {{"platform", "fcm"}, {"token", fcm_}, {"preview", keys_.at("keys")}});
  alice->send(bob_, "one");
  EXPECT_TRUE(wait_push(fcm_, 1).payload.at("data").contains("preview"));
  auto phone = online(bob_, "phone");
  phone->receipt(alice_, "delivered", 2);
  const auto refused = [&] {
    phone->mqtt().publish(push_says(*phone, {{"platform", "fcm"}, {"token", fcm_}, {"preview", true}}));
    return eventually([&] { return bridge_->log().find("'preview' has not the keys") != std::string::npos; });
  };
  EXPECT_TRUE(refused());
  phone->mqtt().publish(push_says(*phone, {{"platform", "fcm"}, {"token", fcm_ + "-new"}}));
  phone->go_offline();
  alice->send(bob_, "two");
  EXPECT_FALSE(wait_push(fcm_ + "-new").payload.at("data").contains("preview"));
}

}  // namespace
}  // namespace duet
