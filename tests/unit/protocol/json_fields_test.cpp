#include "protocol/json_fields.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace duet {
namespace {

constexpr std::array<std::string_view, 2> kNames{"a", "b"};

std::vector<JsonField> fields_of(std::string_view text) {
  auto fields = parse_json_fields(text, kNames);
  EXPECT_TRUE(fields) << text;
  return fields ? *std::move(fields) : std::vector<JsonField>{};
}

void expect_malformed(std::string_view text, std::string_view message) {
  const auto fields = parse_json_fields(text, kNames);
  ASSERT_FALSE(fields) << text;
  EXPECT_EQ(fields.error().code, ErrorCode::malformed);
  EXPECT_EQ(fields.error().message, message);
}

template <typename T>
bool holds(const JsonField& field) {
  return std::holds_alternative<T>(field);
}

TEST(JsonFields, KeepsTheOrderOfTheNames) {
  const auto fields = fields_of(R"({"b":"x","c":[1],"a":7})");
  ASSERT_EQ(fields.size(), 2U);
  EXPECT_EQ(std::get<std::uint64_t>(fields[0]), 7U);
  EXPECT_EQ(std::get<std::string>(fields[1]), "x");
}

TEST(JsonFields, TellsTheKindsApart) {
  EXPECT_TRUE(holds<Absent>(fields_of("{}")[0]));
  EXPECT_TRUE(holds<Null>(fields_of(R"({"a":null})")[0]));
  EXPECT_TRUE(std::get<bool>(fields_of(R"({"a":true})")[0]));
  EXPECT_EQ(std::get<std::uint64_t>(fields_of(R"({"a":18446744073709551615})")[0]), UINT64_MAX);
  for (const char* text : {"-1", "0.5", "1e0", "18446744073709551616", "[]", "[1,2]"}) {
    const auto fields = fields_of(std::string(R"({"a":)") + text + "}");
    ASSERT_TRUE(holds<OtherJson>(fields[0])) << text;
    EXPECT_FALSE(std::get<OtherJson>(fields[0]).object) << text;
  }
  EXPECT_TRUE(std::get<OtherJson>(fields_of(R"({"a":{"a":1,"b":2}})")[0]).object);
}

TEST(JsonFields, LooksAtTheOutermostObjectOnly) {
  const auto fields = fields_of(R"({"x":{"a":1,"a":2},"y":[{"b":1}],"b":[{"a":true},"s"]})");
  EXPECT_TRUE(holds<Absent>(fields[0]));
  EXPECT_TRUE(holds<OtherJson>(fields[1]));
}

TEST(JsonFields, SaysWhatIsWrong) {
  expect_malformed("", "the payload is not valid JSON in UTF-8");
  expect_malformed("[]", "the payload is not a JSON object");
  expect_malformed("7", "the payload is not a JSON object");
  expect_malformed(R"({"a":1,"b":2,"a":3})", "'a' is given twice");
  expect_malformed(R"({"a":null,"a":null})", "'a' is given twice");
  expect_malformed(R"({"z":"\u0000"})", "U+0000 is not allowed");
  expect_malformed(R"({"z":{"\u0000":1}})", "U+0000 is not allowed");
  expect_malformed("{\"z\":" + std::string(16, '[') + std::string(16, ']') + "}",
                   "the payload is nested too deeply");
}

TEST(JsonFields, NestsSixteenDeep) {
  fields_of("{\"z\":" + std::string(15, '[') + std::string(15, ']') + "}");
  fields_of("{\"a\":" + std::string(15, '[') + std::string(15, ']') + "}");
}

TEST(JsonFields, TakesNoNames) {
  EXPECT_TRUE(parse_json_fields(R"({"a":1})", {}));
  EXPECT_FALSE(parse_json_fields("1", {}));
}

// Every prefix of a valid text is refused: a payload that was cut is never half understood.
TEST(JsonFields, RefusesEveryPrefix) {
  const std::string text = R"({"a":"\ud83d\ude00x","b":[1,{"c":null}]})";
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(parse_json_fields(std::string_view(text).substr(0, size), kNames)) << size;
  }
}

}  // namespace
}  // namespace duet
