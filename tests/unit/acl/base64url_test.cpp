#include "acl/base64url.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace duet {
namespace {

TEST(Base64url, EncodesAndDecodes) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xff\xef\xbe", "_---"},
      {"\xfb\xff", "-_8"}};
  for (const auto& [bytes, text] : cases) {
    EXPECT_EQ(encode_base64url(bytes), text);
    EXPECT_EQ(decode_base64url(text), bytes) << text;
  }
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(decode_base64url(encode_base64url(all)), all);
}

TEST(Base64url, HasOneTextForEachByteString) {
  for (const char* text : {"Z", "Zg==", "Zg=", "Zh", "Zm9", "Zm8=", "Zm9vY", "Zm 8", "Zm8\n", "Zm+v", "Zm/v",
                           "====", "Zm9v.", "\xc3\xa9zz", "__"}) {
    EXPECT_FALSE(decode_base64url(text)) << text;
  }
  EXPECT_FALSE(decode_base64url(std::string("Zm\0v", 4)));
}

}  // namespace
}  // namespace duet
