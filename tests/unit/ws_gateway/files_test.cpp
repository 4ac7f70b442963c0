#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "tests/unit/temporary_directory.h"
#include "ws_gateway/static_files.h"

namespace duet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Optional;

TEST(FileNames, AreThoseOfThePath) {
  EXPECT_THAT(file_names("/a/b.js"), Optional(ElementsAre("a", "b.js")));
  EXPECT_THAT(file_names("/"), Optional(ElementsAre("index.html")));
  EXPECT_THAT(file_names("/app/"), Optional(ElementsAre("app", "index.html")));
  EXPECT_THAT(file_names("/gr%C3%BC%C3%9Fe%20you"), Optional(ElementsAre("gr\xC3\xBC\xC3\x9F"
                                                                         "e you")));
}

TEST(FileNames, RefuseEveryWayOut) {
  for (const char* path : {"",        "a",      "//a",         "/a//b",        "/..",    "/../a",
                           "/a/../b", "/.",     "/./a",        "/.git/config", "/a/.b",  "/%2e%2e/a",
                           "/%2E./a", "/a%2Fb", "/a%2f..%2fb", "/a\\b",        "/a%5Cb", "/a%00",
                           "/a%0A",   "/%",     "/a%4",        "/a%zz",        "/\x7F"}) {
    EXPECT_FALSE(file_names(path)) << path;
  }
  EXPECT_FALSE(file_names("/" + std::string(1024, 'a')));
}

TEST(ContentType, GoesByTheExtension) {
  EXPECT_EQ(content_type("index.html"), "text/html; charset=utf-8");
  EXPECT_EQ(content_type("a.b.js"), "text/javascript; charset=utf-8");
  EXPECT_EQ(content_type("a.webmanifest"), "application/manifest+json");
  EXPECT_EQ(content_type("html"), "application/octet-stream");
  EXPECT_EQ(content_type("a.exe"), "application/octet-stream");
}

TEST(ContentHash, IsSeenWhereThereIsNoDoubt) {
  for (const char* name : {"index-BxK3f9aZ.js", "app.0a1b2c3d4e5f.css", "logo-D4kzPq1w.svg"}) {
    EXPECT_TRUE(has_content_hash(name)) << name;
  }
  for (const char* name : {"index.html", "my-component.js", "app-version2.js", "report-20261124.pdf",
                           "index-B3f9.js", "BxK3f9aZ.js", "a-BxK3f9aZ", "service-worker.js", "sw.js"}) {
    EXPECT_FALSE(has_content_hash(name)) << name;
  }
}

TEST(HttpDate, GoesBothWays) {
  EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
  for (const char* text : {"", "yesterday", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 GMT+1"}) {
    EXPECT_FALSE(parse_http_date(text)) << text;
  }
}

class StaticFilesTest : public testing::Test {
 protected:
  StaticFilesTest() {
    std::filesystem::create_directories(root() / "assets");
    std::ofstream(root() / "index.html") << "<p>hello";
    std::ofstream(root() / "assets" / "index-BxK3f9aZ.js") << "let a;";
    std::ofstream(root() / ".secret") << "secret";
    std::ofstream(directory_.path() / "outside") << "outside";
    std::filesystem::create_symlink(directory_.path() / "outside", root() / "link");
    std::filesystem::create_directory_symlink(directory_.path(), root() / "up");
    ::mkfifo((root() / "pipe").c_str(), 0600);
  }
  std::filesystem::path root() const { return directory_.path() / "web"; }
  FileReply find(std::string_view path, const FileConditions& conditions = {}) const {
    return StaticFiles(root(), "default-src 'self'").find(path, conditions);
  }
  static std::string header(const FileReply& reply, std::string_view name) {
    for (const auto& [key, value] : reply.headers) {
      if (key == name) return value;
    }
    return "";
  }

 private:
  TemporaryDirectory directory_;
};

TEST_F(StaticFilesTest, AreFound) {
  const FileReply page = find("/");
  ASSERT_EQ(page.status, 200U);
  EXPECT_EQ(page.size, 8U);
  std::array<char, 16> text{};
  EXPECT_EQ(::read(page.file.get(), text.data(), text.size()), 8);
  EXPECT_STREQ(text.data(), "<p>hello");
  EXPECT_EQ(header(page, "Cache-Control"), "no-cache");
  EXPECT_EQ(header(page, "Content-Security-Policy"), "default-src 'self'");
  const FileReply script = find("/assets/index-BxK3f9aZ.js");
  EXPECT_THAT(header(script, "Cache-Control"), HasSubstr("immutable"));
  EXPECT_EQ(header(script, "Content-Type"), "text/javascript; charset=utf-8");
}

TEST_F(StaticFilesTest, EndAtTheRoot) {
  for (const char* path : {"/.secret", "/link", "/up/outside", "/assets", "/assets/", "/pipe", "/none",
                           "/index.html/", "/index.html/a"}) {
    EXPECT_EQ(find(path).status, 404U) << path;
  }
  EXPECT_EQ(StaticFiles("", "").find("/index.html", {}).status, 404U);
  EXPECT_THROW(StaticFiles(root() / "none", ""), std::runtime_error);
}

TEST_F(StaticFilesTest, AreNotSentAgainUnlessTheyChanged) {
  const FileReply page = find("/");
  const std::string tag = header(page, "ETag");
  const std::string modified = header(page, "Last-Modified");
  for (const std::string& list : {tag, "W/" + tag, "\"x\", " + tag, tag + ",\"x\"", std::string("*")}) {
    const FileReply same = find("/", {.if_none_match = list, .if_modified_since = ""});
    EXPECT_EQ(same.status, 304U) << list;
    EXPECT_EQ(header(same, "ETag"), tag);
    EXPECT_FALSE(same.file);
  }
  EXPECT_EQ(find("/", {.if_none_match = "", .if_modified_since = modified}).status, 304U);
  EXPECT_EQ(find("/", {.if_none_match = "\"x\"", .if_modified_since = modified}).status, 200U);
  EXPECT_EQ(find("/", {.if_none_match = "x" + tag, .if_modified_since = ""}).status, 200U);
  EXPECT_EQ(find("/", {.if_none_match = "", .if_modified_since = "Sun, 06 Nov 1994 08:49:37 GMT"}).status,
            200U);

  std::ofstream(root() / "index.html") << "<p>hello again";
  EXPECT_EQ(find("/", {.if_none_match = tag, .if_modified_since = ""}).status, 200U);
}

}  // namespace
}  // namespace duet
