#include "verifier/web/query.hpp"

#include <gtest/gtest.h>

namespace vigil::verifier::web {
namespace {

TEST(Query, IsDecoded) {
    const auto query = Query::read("q=RTX%204090+x&empty=&flag&&q2=%C3%A4");
    ASSERT_TRUE(query);
    EXPECT_EQ(query->text("q"), "RTX 4090 x");
    EXPECT_EQ(query->text("empty"), "");
    EXPECT_EQ(query->text("flag"), "");
    EXPECT_EQ(query->text("q2"), "ä");
    EXPECT_EQ(query->text("absent"), "");
}

TEST(Query, RefusesWhatIsTooLongOrBroken) {
    EXPECT_TRUE(Query::read(std::string(1'024, 'a')));
    EXPECT_EQ(Query::read(std::string(1'025, 'a')).error(), Query::Error::too_long);
    for (const char* broken : {"a=%", "a=%2", "a=%zz", "a=%0x"})
        EXPECT_EQ(Query::read(broken).error(), Query::Error::malformed) << broken;
    std::string many;
    for (int i = 0; i < 17; ++i) many.append("a").append(std::to_string(i)).append("=1&");
    EXPECT_EQ(Query::read(many).error(), Query::Error::malformed);
}

TEST(Query, NumbersHaveBounds) {
    const auto query = Query::read("page=7&low=0&high=11&word=x&mixed=7x&big=99999999999999999999");
    ASSERT_TRUE(query);
    EXPECT_EQ(query->number("page", 1, 10).value(), 7);
    EXPECT_EQ(query->number("absent", 1, 10).value(), std::nullopt);
    for (const char* bad : {"low", "high", "word", "mixed", "big"})
        EXPECT_FALSE(query->number(bad, 1, 10)) << bad;
    EXPECT_EQ(query->number("high", 1, 10).error(),
              "high: expected a whole number from 1 to 10, got \"11\"");
}

TEST(Query, LinksReplaceOneValue) {
    const auto query = Query::read("q=a%26b&page=3");
    ASSERT_TRUE(query);
    EXPECT_EQ(query->with("page", "4").to_text(), "?page=4&q=a%26b");
    EXPECT_EQ(query->with("q", "").with("page", "").to_text(), "");
}

}  // namespace
}  // namespace vigil::verifier::web
