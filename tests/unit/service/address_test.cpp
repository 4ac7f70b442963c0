#include "service/address.h"

#include <gtest/gtest.h>

namespace duet {
namespace {

IpAddress ip(std::string_view text) {
  return IpAddress::parse(text).value();
}

TEST(IpAddress, HasOneFormForEach) {
  EXPECT_EQ(ip("192.0.2.1").text(), "192.0.2.1");
  EXPECT_EQ(ip("2001:DB8:0::1").text(), "2001:db8::1");
  EXPECT_EQ(ip("::ffff:192.0.2.1"), ip("192.0.2.1"));
  EXPECT_EQ(ip("::ffff:192.0.2.1").text(), "192.0.2.1");
  EXPECT_EQ(IpAddress().text(), "::");
}

TEST(IpAddress, ReadsAddressesAlone) {
  for (const char* text :
       {"", "localhost", "192.0.2", "192.0.2.256", "192.0.2.1:80", "[::1]", " ::1", "fe80::1%lo"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
  EXPECT_FALSE(IpAddress::parse(std::string_view("::1\0", 4)));
  EXPECT_FALSE(IpAddress::parse(std::string_view("::1\0x", 5)));
}

TEST(IpAddress, IsOwnedWithTheFirstHalfOfIpv6) {
  EXPECT_EQ(ip("192.0.2.1").owner(), ip("192.0.2.1"));
  EXPECT_EQ(ip("2001:db8:1:2:3:4:5:6").owner(), ip("2001:db8:1:2::1").owner());
  EXPECT_NE(ip("2001:db8:1:2::1").owner(), ip("2001:db8:1:3::1").owner());
}

TEST(Network, ContainsWhatSharesItsPrefix) {
  const auto ten = Network::parse("10.0.0.0/9").value();
  EXPECT_TRUE(ten.contains(ip("10.127.0.1")));
  EXPECT_FALSE(ten.contains(ip("10.128.0.1")));
  EXPECT_FALSE(ten.contains(ip("::1")));
  EXPECT_TRUE(Network::parse("0.0.0.0/0")->contains(ip("203.0.113.7")));
  EXPECT_FALSE(Network::parse("0.0.0.0/0")->contains(ip("2001:db8::1"))) << "IPv4 alone";
  EXPECT_TRUE(Network::parse("::1")->contains(ip("::1")));
  EXPECT_FALSE(Network::parse("::1")->contains(ip("::2")));
  for (const char* text : {"10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "x/8"}) {
    EXPECT_FALSE(Network::parse(text)) << text;
  }
}

class ClientAddress : public testing::Test {
 protected:
  std::optional<IpAddress> client(std::string_view peer, std::string_view header) const {
    return client_address(ip(peer), header, trusted_);
  }

 private:
  const std::vector<Network> trusted_{Network::parse("127.0.0.1").value(),
                                      Network::parse("10.0.0.0/8").value()};
};

TEST_F(ClientAddress, IsThePeersUnlessAProxyIsTrusted) {
  EXPECT_EQ(client("203.0.113.7", ""), ip("203.0.113.7"));
  EXPECT_EQ(client("203.0.113.7", "198.51.100.1"), ip("203.0.113.7")) << "anybody can write a header";
  EXPECT_EQ(client("127.0.0.1", ""), ip("127.0.0.1"));
}

TEST_F(ClientAddress, IsTheLastThatIsNoTrustedProxys) {
  for (const char* header : {"198.51.100.1", "6.6.6.6, 198.51.100.1", "6.6.6.6,198.51.100.1",
                             "198.51.100.1,10.2.3.4", "6.6.6.6, 198.51.100.1 ,10.2.3.4"}) {
    EXPECT_EQ(client("127.0.0.1", header), ip("198.51.100.1")) << header;
  }
  EXPECT_EQ(client("::ffff:127.0.0.1", "198.51.100.1"), ip("198.51.100.1"));
  EXPECT_EQ(client("127.0.0.1", "10.2.3.4"), ip("10.2.3.4")) << "all are trusted";
}

TEST_F(ClientAddress, IsNoneWhenATrustedProxyWroteNoAddress) {
  for (const char* header :
       {"unknown", "198.51.100.1,", "198.51.100.1, unknown", "198.51.100.1, unknown, 10.2.3.4"}) {
    EXPECT_EQ(client("127.0.0.1", header), std::nullopt) << header;
  }
  EXPECT_EQ(client("127.0.0.1", "unknown, 198.51.100.1"), ip("198.51.100.1")) << "the client wrote that";
}

}  // namespace
}  // namespace duet
