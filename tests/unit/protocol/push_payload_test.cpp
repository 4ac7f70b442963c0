#include "protocol/push_payload.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

namespace duet {
namespace {

const UserId kLongUser = UserId::parse(std::string(UserId::kMaxBytes, 'u')).value();

PushMessage longest_message(std::uint64_t log) {
  return {log,
          kLongUser,
          kLongUser,
          kMaxSeq,
          *MessageId::parse(std::string(MessageId::kMaxBytes, 'm')),
          Timestamp(std::chrono::milliseconds(kMaxSeq))};
}

// The store fills a page by this sum.
TEST(PushFeedPage, IsNoLongerThanItsEventsSay) {
  PushFeedPage page{.epoch = "0123456789abcdef", .after = 1, .through = kMaxSeq};
  const auto empty = format_push_feed_page(page).size();
  page.events = {longest_message(4),
                 PushReceipt{kMaxSeq, kLongUser, kLongUser, kMaxSeq, kMaxSeq, *DeviceId::parse("phone")}};
  const auto size = format_push_feed_page(page).size() - empty;
  std::size_t sum = 0;
  for (const auto& event : page.events) sum += max_size_on_page(event);
  EXPECT_LE(size, sum);
  EXPECT_GE(size, sum - page.events.size() * 32);  // nor much more
  EXPECT_EQ(parse_push_feed_page(format_push_feed_page(page)), page);
}

TEST(PushFeedPage, HasNoMoreEventsThanItsBound) {
  PushFeedPage page{.epoch = "e", .through = kPushFeedEvents + 1};
  for (std::uint64_t log = 1; log <= kPushFeedEvents; ++log) page.events.emplace_back(longest_message(log));
  EXPECT_EQ(parse_push_feed_page(format_push_feed_page(page)), page);
  page.events.emplace_back(longest_message(kPushFeedEvents + 1));
  EXPECT_EQ(parse_push_feed_page(format_push_feed_page(page)), std::nullopt);
}

TEST(PushFeedPage, SaysWhatItLeavesOut) {
  PushFeedPage page{.epoch = "e", .after = 1, .through = 9, .only = PushUsersTold{"s", 3}};
  EXPECT_EQ(parse_push_feed_page(format_push_feed_page(page)), page);
  EXPECT_EQ(parse_push_feed_page(
                R"({"epoch":"e","after":1,"through":9,"more":false,"events":[],"set":"s","pages":"3"})"),
            std::nullopt);
}

TEST(PushFeedAsk, NamesASetOfUsersWholeOrNotAtAll) {
  const PushFeedAsk ask{"e", 1, PushUsersTold{"s", 2}};
  EXPECT_EQ(parse_push_feed_ask(format_push_feed_ask(ask)), ask);
  EXPECT_EQ(parse_push_feed_ask(R"({"epoch":"e","after":1})"), (PushFeedAsk{"e", 1}));
  for (const char* bad :
       {R"({"epoch":"e","after":1,"set":"s"})", R"({"epoch":"e","after":1,"set":"s","pages":0})",
        R"({"epoch":"e","after":1,"set":"","pages":1})"}) {
    EXPECT_EQ(parse_push_feed_ask(bad), std::nullopt) << bad;
  }
}

TEST(PushUsers, FitAPacketAndHaveNoMoreUsersThanTheirBound) {
  PushUsers users{{std::string(kMaxUserSetBytes, 's'), kMaxSeq}, {}};
  users.users.assign(kMaxPushUsers, kLongUser);
  EXPECT_LE(format_push_users(users).size(), std::size_t{128} * 1024);
  EXPECT_EQ(parse_push_users(format_push_users(users)), users);
  users.users.push_back(kLongUser);
  EXPECT_EQ(parse_push_users(format_push_users(users)), std::nullopt);
  EXPECT_EQ(parse_push_users(R"({"set":"s","page":1,"users":["a/b"]})"), std::nullopt);
  EXPECT_EQ(parse_push_users(R"({"set":"s","page":0,"users":[]})"), std::nullopt);
}

TEST(PushCheck, FitsAPacketAndHasNoMorePairsThanItsBound) {
  PushCheck check{std::string(kMaxCheckRequestBytes, 'r'), {}};
  check.of.assign(kMaxPushChecks, {kLongUser, kLongUser});
  EXPECT_LE(format_push_check(check).size(), std::size_t{128} * 1024);
  EXPECT_EQ(parse_push_check(format_push_check(check)), check);
  check.of.push_back(check.of.front());
  EXPECT_EQ(parse_push_check(format_push_check(check)), std::nullopt);
}

TEST(PushCheck, AsksForNoMoreTextsThanItsBound) {
  PushCheck check{"r", {}};
  check.of.assign(kMaxPushPreviews, {kLongUser, kLongUser, kMaxSeq});
  check.of.push_back({kLongUser, kLongUser});
  EXPECT_EQ(parse_push_check(format_push_check(check)), check);
  check.of.back().preview = 1;
  EXPECT_EQ(parse_push_check(format_push_check(check)), std::nullopt);
}

TEST(PushCheckAnswer, FitsAPacketAndHasNoMoreAnswersThanItsBound) {
  PushCheckAnswer answer{"r", {}};
  answer.of.assign(kMaxPushChecks, PushCheckAnswer::Standing{kMaxSeq, kMaxSeq, false, false, kMaxSeq});
  EXPECT_LE(format_push_check_answer(answer).size(), std::size_t{128} * 1024);
  EXPECT_EQ(parse_push_check_answer(format_push_check_answer(answer)), answer);
  answer.of.emplace_back(std::nullopt);
  EXPECT_EQ(parse_push_check_answer(format_push_check_answer(answer)), std::nullopt);
}

TEST(PushCheckAnswer, FitsAPacketWithAllTheTextsThatCanBeAskedFor) {
  PushCheckAnswer answer{std::string(kMaxCheckRequestBytes, 'r'), {}};
  answer.of.assign(kMaxPushChecks, PushCheckAnswer::Standing{kMaxSeq, kMaxSeq, false, false, kMaxSeq});
  for (std::size_t i = 0; i < kMaxPushPreviews; ++i) answer.of[i]->text = std::string(kMaxPreviewBytes, '"');
  EXPECT_LE(format_push_check_answer(answer).size(), std::size_t{128} * 1024);
  EXPECT_EQ(parse_push_check_answer(format_push_check_answer(answer)), answer);
  auto longer = answer;  // as of a later store: no reason to send nothing
  longer.of[0]->text->push_back('a');
  EXPECT_EQ(parse_push_check_answer(format_push_check_answer(longer)), answer);
}

TEST(PreviewOf, IsTheBeginningCutBetweenCharacters) {
  const std::string a(kMaxPreviewBytes, 'a');
  EXPECT_EQ(preview_of(""), "");
  EXPECT_EQ(preview_of("hello"), "hello");
  EXPECT_EQ(preview_of(a), a);
  EXPECT_EQ(preview_of(a + "b"), a);
  const std::string euro = "\xe2\x82\xac";
  const std::string smile = "\xf0\x9f\x99\x82";
  for (const auto& character : {std::string("\xc3\xa4"), euro, smile}) {
    for (std::size_t before = 1; before < character.size(); ++before) {
      const auto whole = a.substr(before);  // the character begins within the bound and ends beyond it
      EXPECT_EQ(preview_of(whole + character + a), whole);
    }
    const auto fits = a.substr(character.size()) + character;
    EXPECT_EQ(preview_of(fits + character), fits);
  }
}

TEST(PreviewOf, IsNoLongerInJsonThanItsBound) {
  const auto json_size = [](std::string_view text) {
    PushCheckAnswer answer{"", {PushCheckAnswer::Standing{0, 0, false, false, 0}}};
    const auto without = format_push_check_answer(answer).size();
    answer.of[0]->text = text;
    return format_push_check_answer(answer).size() - without - std::string_view(R"("text":"",)").size();
  };
  for (char byte = 1; byte > 0; ++byte) {
    const std::string body(kMaxPreviewBytes + 1, byte);
    const auto preview = preview_of(body);
    EXPECT_LE(json_size(preview), kMaxPreviewJsonBytes) << int{byte};
    const auto more = std::string(preview.size() + 1, byte);
    EXPECT_TRUE(more.size() > kMaxPreviewBytes || json_size(more) > kMaxPreviewJsonBytes) << int{byte};
  }
  EXPECT_EQ(preview_of(std::string(kMaxPreviewBytes, '\x01')).size(), kMaxPreviewJsonBytes / 6);
  EXPECT_EQ(preview_of(std::string(170, '\x01') + "\xc3\xa4" + "aaa").size(), 174U);  // 170 * 6 + 4
  EXPECT_EQ(preview_of(std::string(170, '\x01') + "aaa\xc3\xa4").size(), 173U);
}

TEST(HasPreview, WhatIsText) {
  for (const char* type : {"text/plain", "TEXT/Plain; charset=utf-8", "text/markdown"})
    EXPECT_TRUE(has_preview(type)) << type;
  for (const char* type :
       {"", "text", "texts/plain", "image/png", "application/octet-stream", "x-text/plain"})
    EXPECT_FALSE(has_preview(type)) << type;
}

TEST(PushDevices, ReadBackWhatTheyWrite) {
  const Device phone = parse_client_id("bob:phone").value();
  const PushDevices devices{"7", {{phone, ""}, {parse_client_id("bob:tab").value(), "no such app"}}};
  EXPECT_EQ(
      format_push_devices(devices),
      R"({"of":[{"device":"phone","user":"bob"},{"device":"tab","refused":"no such app","user":"bob"}],)"
      R"("req":"7"})");
  EXPECT_EQ(parse_push_devices(format_push_devices(devices)), devices);
  EXPECT_EQ(parse_push_devices_stored(format_push_devices_stored({"7"})).value().req, "7");
}

TEST(PushDevices, RefuseWhatIsNotOfTheForm) {
  for (const char* text : {"", "[]", R"({"req":"7"})", R"({"of":[]})", R"({"req":7,"of":[]})",
                           R"({"req":"7","of":[{"user":"bob"}]})", R"({"req":"7","of":[["bob","phone"]]})",
                           R"({"req":"7","of":[{"user":"b b","device":"phone"}]})",
                           R"({"req":"7","of":[{"user":"bob","device":"phone","refused":""}]})",
                           R"({"req":"7","of":[{"user":"bob","device":"phone","refused":true}]})"}) {
    EXPECT_EQ(parse_push_devices(text), std::nullopt) << text;
  }
  PushDevices many{"7", {}};
  many.of.assign(kMaxPushDevices + 1, {parse_client_id("bob:phone").value(), ""});
  EXPECT_EQ(parse_push_devices(format_push_devices(many)), std::nullopt);
  const PushDevices large{"7",
                          {{parse_client_id("bob:phone").value(), std::string(kMaxRefusedBytes + 1, 'w')}}};
  EXPECT_EQ(parse_push_devices(format_push_devices(large)), std::nullopt);
  EXPECT_FALSE(parse_push_devices_stored("{}"));
}

// As deep as a packet of the broker can be: no parser may go down by recursion.
TEST(PushPayloads, RefuseOrPassOverDeepNesting) {
  constexpr std::size_t kDepth = std::size_t{100} * 1024;
  const std::string deep = std::string(kDepth, '[') + std::string(kDepth, ']');
  EXPECT_EQ(parse_push_feed_ask(R"({"epoch":"e","after":1,"x":)" + deep + "}"), (PushFeedAsk{"e", 1}));
  EXPECT_EQ(parse_push_feed_page(R"({"epoch":"e","after":1,"through":2,"more":false,"events":)" + deep + "}"),
            std::nullopt);
  EXPECT_EQ(parse_push_check(R"({"req":"r","of":)" + deep + "}"), std::nullopt);
  EXPECT_EQ(parse_push_check_answer(R"({"req":"r","of":)" + deep + "}"), std::nullopt);
}

}  // namespace
}  // namespace duet
