// What is decided without a socket: who may come in, and from where.
#include <gtest/gtest.h>

#include "ws_gateway/admission.h"
#include "ws_gateway/front_door.h"

namespace duet {
namespace {

IpAddress ip(std::string_view text) {
  return IpAddress::parse(text).value();
}

TEST(Origin, HasOneForm) {
  EXPECT_EQ(canonical_origin("HTTPS://Chat.Example.COM:443"), "https://chat.example.com");
  EXPECT_EQ(canonical_origin("http://localhost:5173"), "http://localhost:5173");
  EXPECT_EQ(canonical_origin("http://h:443"), "http://h:443");
  EXPECT_EQ(canonical_origin("capacitor://localhost"), "capacitor://localhost");
  for (const char* text : {"", "null", "chat.example.com", "https://", "://h", "https://h/", "https://a b",
                           "https://u@h", "https://h?x", "1x://h"}) {
    EXPECT_FALSE(canonical_origin(text)) << text;
  }
}

TEST(Origin, OfTheSameHostUnlessListed) {
  EXPECT_TRUE(origin_allowed("https://chat.example.com", "chat.example.com", {}));
  EXPECT_TRUE(origin_allowed("https://chat.example.com", "Chat.example.com:443", {}));
  EXPECT_TRUE(origin_allowed("http://localhost:8083", "localhost:8083", {}));
  EXPECT_FALSE(origin_allowed("http://localhost:5173", "localhost:8083", {}));
  EXPECT_FALSE(origin_allowed("https://chat.example.com.evil.net", "chat.example.com", {}));
  EXPECT_FALSE(origin_allowed("https://evil.net", "chat.example.com", {}));
  EXPECT_FALSE(origin_allowed("null", "chat.example.com", {}));
  EXPECT_FALSE(origin_allowed("app://chat.example.com", "chat.example.com", {}));
  EXPECT_FALSE(origin_allowed("", "", {}));

  const std::vector<std::string> list{"https://web.example.com"};
  EXPECT_TRUE(origin_allowed("https://web.example.com:443", "chat.example.com", list));
  EXPECT_FALSE(origin_allowed("https://chat.example.com", "chat.example.com", list));
  EXPECT_FALSE(origin_allowed("http://web.example.com", "chat.example.com", list));
}

RequestHead upgrade() {
  return {.method = RequestHead::Method::get,
          .target = "/mqtt",
          .host = "chat.example.com",
          .origin = std::nullopt,
          .subprotocols = "mqtt",
          .key = "dGhlIHNhbXBsZSBub25jZQ==",
          .version = "13",
          .upgrade = true};
}

unsigned status_of(const RequestHead& request, const GatewayConfig& config = {}) {
  const auto where = route(request, config);
  if (!where) return where.error().status;
  return *where == Route::websocket ? 101 : 200;
}

TEST(FrontDoor, OpensWebSocketsForMqttAlone) {
  EXPECT_EQ(status_of(upgrade()), 101U);
  auto request = upgrade();
  request.target = "/mqtt?token=x";
  EXPECT_EQ(status_of(request), 101U);
  for (const char* list : {"mqttv3.1, mqtt", " mqtt ", "a,\tmqtt,b"}) {
    request.subprotocols = list;
    EXPECT_EQ(status_of(request), 101U) << list;
  }
  for (const char* list : {"", "mqttv3.1", "MQTT", "xmqtt", "mqtt x", ","}) {
    request.subprotocols = list;
    EXPECT_EQ(status_of(request), 400U) << list;
  }
  request = upgrade();
  for (const char* target : {"/", "/mqtt/", "/MQTT", "/mqtt%20", "/healthz"}) {
    request.target = target;
    EXPECT_EQ(status_of(request), 404U) << target;
  }
}

TEST(FrontDoor, ChecksTheKeyAndTheVersion) {
  auto request = upgrade();
  for (const char* key :
       {"", "c2hvcnQ=", "dGhlIHNhbXBsZSBub25jZQ=a", "dGhlIHNhbXBsZSBub25jZ*==", "=============-=========="}) {
    request.key = key;
    EXPECT_EQ(status_of(request), 400U) << key;
  }
  request = upgrade();
  for (const char* version : {"", "8", "14", "13, 8"}) {
    request.version = version;
    EXPECT_EQ(status_of(request), 426U) << version;
  }
}

TEST(FrontDoor, LooksAtTheOrigin) {
  auto request = upgrade();
  request.origin = "https://chat.example.com";
  EXPECT_EQ(status_of(request), 101U);
  request.origin = "https://evil.net";
  EXPECT_EQ(status_of(request), 403U);
  request.origin = "";
  EXPECT_EQ(status_of(request), 403U);
  GatewayConfig strict;
  strict.allow_no_origin = false;
  EXPECT_EQ(status_of(upgrade(), strict), 403U);
}

TEST(FrontDoor, RefusesWhatItDoesNotKnow) {
  auto request = upgrade();
  request.host.reset();
  EXPECT_EQ(status_of(request), 400U);
  request = upgrade();
  for (const char* target : {"", "*", "http://chat.example.com/mqtt"}) {
    request.target = target;
    EXPECT_EQ(status_of(request), 400U) << target;
  }
  request = upgrade();
  request.upgrade = false;
  EXPECT_EQ(status_of(request), 426U);
  request.target = "/index.html";
  EXPECT_EQ(status_of(request), 200U);
  request.method = RequestHead::Method::other;
  EXPECT_EQ(status_of(request), 405U);
}

TEST(Admission, CountsByAddressAndBy64BitNetwork) {
  Admission admission(2);
  auto first = admission.enter(ip("10.0.0.1"));
  const auto second = admission.enter(ip("10.0.0.1"));
  EXPECT_TRUE(first && second);
  EXPECT_FALSE(admission.enter(ip("10.0.0.1")));
  EXPECT_TRUE(admission.enter(ip("10.0.0.2")));
  EXPECT_TRUE(first->is_of(ip("10.0.0.1")));
  EXPECT_FALSE(first->is_of(ip("10.0.0.2")));
  first.reset();
  EXPECT_TRUE(admission.enter(ip("10.0.0.1")));

  const auto a = admission.enter(ip("2001:db8::1"));
  const auto b = admission.enter(ip("2001:db8::2"));
  EXPECT_FALSE(admission.enter(ip("2001:db8::3"))) << "one customer has them all";
  EXPECT_TRUE(admission.enter(ip("2001:db8:0:1::1")));
}

TEST(Admission, OfZeroHasNoLimit) {
  Admission admission(0);
  std::vector<Admission::Ticket> tickets;
  tickets.reserve(1000);
  for (int i = 0; i < 1000; ++i) tickets.push_back(admission.enter(ip("10.0.0.1")).value());
  EXPECT_TRUE(admission.enter(ip("10.0.0.1")));
}

}  // namespace
}  // namespace duet
