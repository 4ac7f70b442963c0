// What is read from requests: forms, credentials; and what is written to the audit log.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auth_service/audit.h"
#include "auth_service/form.h"
#include "auth_service/http.h"

namespace duet {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ParseForm, DecodesAndFinds) {
  const auto form = Form::parse("a=1&b=x+y%2Bz%26&c=&d&&e=%C3%A4");
  ASSERT_TRUE(form);
  EXPECT_EQ(*form->find("a"), "1");
  EXPECT_EQ(*form->find("b"), "x y+z&");
  EXPECT_EQ(*form->find("e"), "\xc3\xa4");
  for (const char* none : {"c", "d", "f", ""}) EXPECT_EQ(form->find(none), nullptr) << none;
}

TEST(ParseForm, RefusesWhatIsBrokenOrTwofold) {
  for (const char* body : {"a=%", "a=%1", "a=%1g", "%zz=1", "a=1&a=2", "a=1&%61=2", "a&a"}) {
    EXPECT_FALSE(Form::parse(body)) << body;
  }
  std::string many;
  for (int i = 0; i < 32; ++i) many += "p" + std::to_string(i) + "=1&";
  EXPECT_TRUE(Form::parse(many));
  EXPECT_FALSE(Form::parse(many + "q=1"));
}

TEST(ParseBasic, DecodesIdAndSecret) {
  const auto plain = parse_basic("YTpi");  // a:b
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->id, "a");
  EXPECT_EQ(plain->secret, "b");
  const auto escaped = parse_basic("YSUzQTpiK2M6ZA==");  // a%3A:b+c:d
  ASSERT_TRUE(escaped);
  EXPECT_EQ(escaped->id, "a:");
  EXPECT_EQ(escaped->secret, "b c:d");
  for (const char* text : {"", "YTp", "YWI=", "YTpi=", "YTp-", "YTol", "=YTp", "YTpi YTpi"}) {
    const auto parsed = parse_basic(text);
    EXPECT_FALSE(parsed) << text;
  }
}

TEST(FindCredentials, OfTheSchemeInAnyCase) {
  EXPECT_EQ(find_credentials("Bearer x", "Bearer"), "x");
  EXPECT_EQ(find_credentials("bEARER   x", "Bearer"), "x");
  for (const char* header : {"", "Bearer", "Basic x", "Bearers x", " Bearer x"}) {
    EXPECT_EQ(find_credentials(header, "Bearer"), std::nullopt) << header;
  }
}

TEST(FormatAudit, WritesOneLineWithoutWhatIsNoName) {
  const auto address = IpAddress::parse("192.0.2.1").value();
  EXPECT_EQ(format_audit({AuditEvent::login_failed, "alice", address, "app"}),
            "audit login_failed user=alice address=192.0.2.1 client=app");
  EXPECT_EQ(format_audit({AuditEvent::logout, "", address, ""}),
            "audit logout user=- address=192.0.2.1 client=-");
  EXPECT_EQ(format_audit({AuditEvent::login_failed, "a\naudit login_ok user=b", IpAddress(), "a b"}),
            "audit login_failed user=? address=:: client=?");
}

}  // namespace
}  // namespace duet
