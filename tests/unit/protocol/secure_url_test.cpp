#include "protocol/secure_url.h"

#include <gtest/gtest.h>

namespace duet {
namespace {

TEST(SecureUrl, IsHttpsOrOfThisMachine) {
  for (const char* url :
       {"https://id.example.com", "https://id.example.com:8443/realms/chat?x=1", "https://[2001:db8::1]/keys",
        "http://127.0.0.1:8080/keys", "http://127.0.0.1", "http://[::1]:80/", "http://localhost/keys"}) {
    EXPECT_TRUE(is_secure_url(url)) << url;
  }
}

TEST(SecureUrl, IsNothingElse) {
  for (const char* url : {"", "https://", "https:///keys", "https://:443/", "http://id.example.com/",
                          "HTTP://127.0.0.1/", "ftp://127.0.0.1/", "file:///etc/passwd", "id.example.com",
                          "http://127.0.0.1.example.com/", "http://localhost.example.com/",
                          "http://127.0.0.1@example.com/", "https://user:secret@id.example.com/",
                          "https://id.example.com/a b", "https://id.example.com/\r\nHost: x",
                          "https://id.example.com\\@x/", "https://id\xC3\xA9.example.com/"}) {
    EXPECT_FALSE(is_secure_url(url)) << url;
  }
}

}  // namespace
}  // namespace duet
