#include "protocol/names.h"

#include <gtest/gtest.h>

#include "tests/unit/protocol/vectors.h"

namespace duet {
namespace {

template <typename Name>
void expect_grammar(const std::string& kind) {
  for (const auto& text : load_vectors("names.json", kind + "_valid")) {
    const auto name = Name::parse(text.get<std::string>());
    ASSERT_TRUE(name) << text;
    EXPECT_EQ(name->str(), text);
  }
  for (const auto& text : load_vectors("names.json", kind + "_invalid")) {
    EXPECT_FALSE(Name::parse(text.get<std::string>())) << text;
    EXPECT_FALSE(Name::valid(text.get<std::string>())) << text;
  }
}

TEST(Names, FollowTheirGrammar) {
  expect_grammar<UserId>("user");
  expect_grammar<DeviceId>("device");
  expect_grammar<MessageId>("message_id");
}

// Every byte, alone and inside a name: the vectors show the idea, this is the whole alphabet.
TEST(Names, AllowExactlyTheirAlphabet) {
  const std::string alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const std::string name{'a', c, 'a'};
    const bool common = (alphanumeric + "._-").find(c) != std::string::npos;
    EXPECT_EQ(UserId::valid(name), common || std::string("~@|=").find(c) != std::string::npos) << byte;
    EXPECT_EQ(DeviceId::valid(name), common) << byte;
    EXPECT_EQ(MessageId::valid(name), common) << byte;
  }
}

TEST(ClientId, NamesUserAndDevice) {
  for (const auto& test : load_vectors("names.json", "client_id_valid")) {
    const auto client_id = test.at("client_id").get<std::string>();
    const auto device = parse_client_id(client_id);
    ASSERT_TRUE(device) << client_id;
    EXPECT_EQ(device->user.str(), test.at("user"));
    EXPECT_EQ(device->device.str(), test.at("device"));
    EXPECT_EQ(format_client_id(*device), client_id);
  }
}

TEST(ClientId, IsRefusedInAnyOtherForm) {
  for (const auto& text : load_vectors("names.json", "client_id_invalid")) {
    EXPECT_FALSE(parse_client_id(text.get<std::string>())) << text;
  }
}

TEST(Conversation, IsTheSameFromBothSides) {
  const auto alice = *UserId::parse("alice");
  const auto bob = *UserId::parse("bob");
  const auto conversation = Conversation::between(bob, alice);
  ASSERT_TRUE(conversation);
  EXPECT_EQ(conversation, Conversation::between(alice, bob));
  EXPECT_EQ(conversation->low(), alice);
  EXPECT_EQ(conversation->high(), bob);
  EXPECT_TRUE(conversation->has(alice));
  EXPECT_FALSE(conversation->has(*UserId::parse("eve")));
  EXPECT_FALSE(Conversation::between(alice, alice));
}

TEST(Partition, IsAsPublished) {
  for (const auto& test : load_vectors("partitions.json", "cases")) {
    const auto conversation =
        Conversation::between(*UserId::parse(test.at("users").at(0).get<std::string>()),
                              *UserId::parse(test.at("users").at(1).get<std::string>()));
    EXPECT_EQ(partition_of(*conversation, test.at("count")), test.at("partition")) << test;
  }
}

}  // namespace
}  // namespace duet
